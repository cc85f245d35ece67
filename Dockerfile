# The image of the web, radius, worker and migrate services; docker-compose.yml runs it.
ARG BASE=python:3.12-slim-bookworm

FROM ${BASE} AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /src
# Locked requirements first: this layer stays when only our code changes.
COPY requirements/ requirements/
RUN python -m venv --without-pip /opt/hotspot \
    && python -m pip --python /opt/hotspot/bin/python install --require-hashes -r requirements/runtime.txt
RUN python -m venv /opt/build \
    && /opt/build/bin/python -m pip install --require-hashes -r requirements/build.txt -r requirements/node.txt
COPY . .
# Prints a warning and goes on when the console's scripts can't be fetched.
RUN /opt/build/bin/python hatch_build.py \
    || echo "Building an image without the console's scripts"
RUN /opt/build/bin/python -m pip wheel --no-deps --no-build-isolation --wheel-dir /wheels . \
    && python -m pip --python /opt/hotspot/bin/python install --no-deps --no-index /wheels/*.whl

FROM ${BASE}
# Nothing here installs packages any more.
RUN python -m pip uninstall --yes pip \
    && groupadd --gid 10001 hotspot \
    && useradd --uid 10001 --gid 10001 --home-dir /var/lib/hotspot --shell /usr/sbin/nologin --no-create-home hotspot \
    && install --directory --owner 10001 --group 10001 --mode 0700 /var/lib/hotspot
COPY --from=build /opt/hotspot /opt/hotspot
ENV PATH=/opt/hotspot/bin:${PATH} \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOTSPOT_DATA_DIR=/var/lib/hotspot
WORKDIR /var/lib/hotspot
USER 10001:10001
EXPOSE 8080/tcp 1812/udp 1813/udp
# The radius and worker services bring their own check.
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 CMD ["hotspot", "health", "web"]
ENTRYPOINT ["hotspot"]
CMD ["web"]
