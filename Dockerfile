# The operator's image, from a checkout: docker build . (or podman, or buildah). `make image` does the same.
#
# Everything is pinned by hash; SOURCE_DATE_EPOCH makes compiled modules depend on their source alone, not on the hour.
FROM python:3.11-slim AS build
ARG SOURCE_DATE_EPOCH=0
WORKDIR /src
COPY deploy/docker/build.lock deploy/docker/operator.lock ./
RUN pip install --no-cache-dir --no-deps --require-hashes --target=/build -r build.lock \
 && pip install --no-cache-dir --no-deps --require-hashes --target=/opt/apphealth -r operator.lock
COPY operator ./operator
# The target has a folder bin already; --upgrade lets pip put our command in its place.
RUN PYTHONPATH=/build pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir=/wheel ./operator \
 && pip install --no-cache-dir --no-deps --no-index --upgrade --target=/opt/apphealth /wheel/*.whl

FROM python:3.11-slim
COPY --from=build /opt/apphealth /opt/apphealth
ENV PATH=/opt/apphealth/bin:$PATH PYTHONPATH=/opt/apphealth PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
# No user of the system; the root may be read-only.
USER 65532:65532
ENTRYPOINT ["apphealth"]
CMD ["run"]
