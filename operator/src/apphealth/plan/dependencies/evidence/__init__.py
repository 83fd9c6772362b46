"""Find the places that name a Service, one module for each kind of place. `edges` decides which of them count."""
