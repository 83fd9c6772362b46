"""``python -m flask_management_endpoints``: the exec probe. Imports nothing of Flask."""

import sys

from flask_management_endpoints.probe import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
