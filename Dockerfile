# syntax=docker/dockerfile:1
# The image of the operator, which is kubectl's plugin as well. For each architecture it is built on a machine of that architecture:
#   docker buildx build --build-arg VERSION=... --build-arg REVISION=$(git rev-parse HEAD) --build-arg SOURCE_DATE_EPOCH=$(git log -1 --format=%ct) .
# Whoever wants the same bytes again names the builder by its digest: --build-arg BUILDER=rust:1.95.0-bookworm@sha256:...
ARG BUILDER=rust:1.95.0-bookworm

FROM ${BUILDER} AS rootfs
ARG SOURCE_DATE_EPOCH=0
# otlp: with traces, and 0.4 MB more.
ARG FEATURES
# The folder of a profile, as .build/profile/made/..., which `make profile` made on this architecture with the Rust of the builder.
ARG PROFILE
WORKDIR /source
COPY . .
RUN cargo fetch --locked && SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH} FEATURES=${FEATURES} PROFILE=${PROFILE} .ci/rootfs.sh /rootfs

# What `--target files --output <directory>` takes out of it.
FROM scratch AS files
COPY --from=rootfs /rootfs/ /

FROM scratch
ARG VERSION
ARG REVISION
LABEL org.opencontainers.image.title="migration-task-watch" \
      org.opencontainers.image.description="Shows Huawei Cloud SMS migration tasks as resource status and Events" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.source="https://github.com/migration-task-watch/migration-task-watch" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=rootfs /rootfs/ /
# A number, so that runAsNonRoot can be judged.
USER 65532:65532
ENTRYPOINT ["/migration-task-watch"]
