# The demo's shop: four small programs in one image. The context is deploy/demo/shop.
FROM python:3.11-slim
ARG SOURCE_DATE_EPOCH
RUN pip install --no-cache-dir "flask-management-endpoints>=2" gunicorn requests
WORKDIR /shop
COPY *.py ./
# One process, so that what POST /break says holds for the whole pod; its heartbeat file in memory: the root is read-only.
ENV GUNICORN_CMD_ARGS="--bind=0.0.0.0:8000 --threads=4 --worker-tmp-dir=/dev/shm --access-logfile=- --no-control-socket" \
    PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
EXPOSE 8000
USER 10001:10001
CMD ["gunicorn", "frontend:app"]
