"""An editor for `kubectl edit`: puts what EDIT says (JSON, fields by container; null takes out) into the containers."""

import json
import os
import sys
from pathlib import Path

import yaml

file = Path(sys.argv[1])
edited = yaml.safe_load(file.read_text())
pod = edited["spec"]["template"]["spec"]
wanted = json.loads(os.environ["EDIT"])
pod["containers"] = [c for c in pod["containers"] if wanted.get(c["name"], {}) is not None]
for container in pod["containers"]:
    for field, value in wanted.get(container["name"], {}).items():
        container[field] = value
        if value is None:
            del container[field]
file.write_text(yaml.safe_dump(edited))
