# The study in a container: `docker run -v "$PWD/study:/study" IMAGE` reproduces it into the folder `study`.
#
#   docker build .                              # for processors
#   docker build --build-arg VARIANT=cu130 .    # for NVIDIA GPUs, with CUDA 13: run it with `--gpus all`
#
# `make image` and `make run-image` do both. PyTorch's default build brings CUDA, several gigabytes: for the
# image for processors, set PIP_EXTRA_INDEX_URL to the index that PyTorch's own page gives for CPUs (`--build-arg`).
ARG VARIANT=cpu

FROM debian:bookworm-slim AS build-cpu
FROM nvidia/cuda:13.0.1-devel-ubuntu24.04 AS build-cu130
FROM debian:bookworm-slim AS run-cpu
FROM nvidia/cuda:13.0.1-base-ubuntu24.04 AS run-cu130

# A wheel, made where there is a compiler.
# hadolint ignore=DL3006 # a stage above, which has its tag
FROM build-${VARIANT} AS build
ARG VARIANT
RUN apt-get update \
    && apt-get install --yes --no-install-recommends g++ python3-dev python3-venv \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /source
COPY . .
RUN python3 -m venv /build \
    && /build/bin/pip wheel --no-cache-dir --no-deps --wheel-dir /wheels . \
        --config-settings=cmake.define.NULLCLINE_CUDA="$(test "$VARIANT" = cpu && echo OFF || echo ON)"

# What runs has Python and the wheel, and no compiler.
# hadolint ignore=DL3006
FROM run-${VARIANT}
ARG VARIANT
ARG PIP_EXTRA_INDEX_URL
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates python3 python3-venv \
    && rm -rf /var/lib/apt/lists/*
COPY packaging/install_wheel.sh constraints.txt /tmp/given/
RUN --mount=type=bind,from=build,source=/wheels,target=/wheels \
    sh /tmp/given/install_wheel.sh "$(echo /wheels/*.whl)" /opt/nullcline /tmp/given/constraints.txt \
    && rm -r /tmp/given

# Whoever runs it with `--user` may write, too: caches go where everyone may.
RUN useradd --create-home --uid 10001 visitor \
    && mkdir /study && chown visitor /study
ENV PATH=/opt/nullcline/bin:$PATH \
    MPLBACKEND=agg \
    MPLCONFIGDIR=/tmp/matplotlib \
    XDG_CACHE_HOME=/tmp/cache
USER 10001
WORKDIR /study
VOLUME /study
ENTRYPOINT ["nullcline"]
CMD ["reproduce", "--resume", "--out", "/study"]
