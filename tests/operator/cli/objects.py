"""The YAML of the objects that tests of several commands read."""

PORT = "ports: [{name: http, containerPort: 8080}]"
SERVICE = """\
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector: {app: web}
  ports: [{port: 80, targetPort: http}]
"""


def deployment(*fields: str, metadata: str = " {name: web}", image: str = "shop/web:1.4") -> str:
    """Return a Deployment `web` whose container `web` has these fields, one line each, after its name and image.

    `metadata` is the text after the key, which may go on below it.
    """
    lines = "".join(f"        {field}\n" for field in fields)
    return f"""\
apiVersion: apps/v1
kind: Deployment
metadata:{metadata}
spec:
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata: {{labels: {{app: web}}}}
    spec:
      containers:
      - name: web
        image: {image}
{lines}"""
