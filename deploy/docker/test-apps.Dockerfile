# The programs of the three documents that the node tests follow, and those of the mixed namespace. The context is tests/node/apps.
FROM python:3.11-slim
ARG SOURCE_DATE_EPOCH
RUN pip install --no-cache-dir "flask-management-endpoints>=2" gunicorn flask grpcio-health-checking
WORKDIR /apps
COPY *.py ./
ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER 10001:10001
