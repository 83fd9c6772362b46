"""The resources of the API group `apphealth.dev`: parse, validate, serialise.

Nothing here decides (see `plan`) or talks to a cluster (see `kube`).
"""

GROUP = "apphealth.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"
