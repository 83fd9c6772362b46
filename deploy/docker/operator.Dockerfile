# The operator's image. The build context isn't used: pip takes apphealth's wheel, and all it needs, from where pip is told to look.
FROM python:3.11-slim
# Compiled modules that depend on their source alone, not on the hour of the build.
ARG SOURCE_DATE_EPOCH
RUN pip install --no-cache-dir apphealth
USER 65532:65532
ENTRYPOINT ["apphealth"]
CMD ["run"]
