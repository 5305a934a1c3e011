# dancegen in a container. Written with care, but not built on the maintainers' machine: reports are welcome.
#
#     docker build -t dancegen .                                   for CPUs
#     docker build --build-arg VARIANT=cuda -t dancegen:cuda .     for NVIDIA GPUs
#     docker run --rm -v "$PWD:/data" -v dancegen-store:/store dancegen dance demo

ARG PYTHON=3.11

FROM python:${PYTHON}-slim AS build
ARG VARIANT=cpu
RUN python -m venv /opt/dancegen
ENV PATH=/opt/dancegen/bin:$PATH PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
# First and alone, because it is large and seldom changes. On x86-64 Linux the usual torch brings its own CUDA libraries.
RUN case "$VARIANT" in \
        cpu) pip install torch torchvision --index-url https://download.pytorch.org/whl/cpu ;; \
        cuda) pip install torch torchvision ;; \
        *) echo "VARIANT is cpu or cuda, not $VARIANT" >&2; exit 1 ;; \
    esac
COPY . /src
RUN pip install "/src[tensorboard]"

FROM python:${PYTHON}-slim
COPY --from=build /opt/dancegen /opt/dancegen
# Writable for any user, so that `docker run --user` works.
RUN mkdir -m 1777 /data /store /hub
# The hub cache is for downloaded weights. numba wants a writable cache of its own.
ENV PATH=/opt/dancegen/bin:$PATH \
    DANCEGEN_STORE=/store \
    HF_HOME=/hub/huggingface \
    TORCH_HOME=/hub/torch \
    NUMBA_CACHE_DIR=/tmp/numba \
    HOME=/tmp
VOLUME ["/data", "/store", "/hub"]
WORKDIR /data
USER 1000:1000
ENTRYPOINT ["dancegen"]
CMD ["--help"]
