# Third-party programs from PyPI, and the traps of tests/real. The context is tests/real.
FROM python:3.11-slim
ARG SOURCE_DATE_EPOCH
RUN pip install --no-cache-dir pypiserver kinto flower distributed datasette jupyter-server locust "glances[web]" \
    devpi-server wsgidav cheroot radicale grpcio-health-checking supervisor marimo luigi copyparty "moto[server]"
WORKDIR /programs
COPY traps.py ./
ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 HOME=/tmp
