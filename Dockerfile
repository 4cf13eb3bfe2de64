# One image; its command chooses the process: `docker run … IMAGE gateway` or `docker run … IMAGE worker`.
# It runs read-only as long as /data and /tmp can be written: docker run --read-only --tmpfs /tmp -v data:/data …
#
# The base is pinned by its tag. Pin it by digest (@sha256:…) where builds must be the same to the last byte: no
# registry was at hand to read one from when this was written.
FROM python:3.11-slim-bookworm AS builder
COPY requirements/runtime.txt requirements/runtime.txt
RUN python -m venv --without-pip /opt/venv
RUN python -m pip --python /opt/venv/bin/python install --no-cache-dir --no-deps --require-hashes \
        -r requirements/runtime.txt

FROM python:3.11-slim-bookworm
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin qabyldau \
    && install --directory --owner=qabyldau --mode=0700 /data
RUN for pair in gateway:gateway worker:workers.main operators:gateway.operators.serve \
        qabyldau:gateway.operators; do \
        printf '#!/bin/sh\nexec python -m %s "$@"\n' "${pair#*:}" > "/usr/local/bin/${pair%%:*}" \
        && chmod 0755 "/usr/local/bin/${pair%%:*}" || exit 1; \
    done
COPY --from=builder /opt/venv /opt/venv
WORKDIR /app
COPY config/ config/
COPY gateway/ gateway/
COPY workers/ workers/
ENV PATH=/opt/venv/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONPATH=/app \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    QABYLDAU_HOST=0.0.0.0 \
    QABYLDAU_DATA_DIR=/data
USER 10001
VOLUME /data
EXPOSE 8000

# Whether the gateway lives; whether it may be given work is /health/ready, a question for the load balancer:
# starting gateways again does not bring a store back. A worker lives as long as its process.
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s CMD ["python", "-c", "\
import os, pathlib, urllib.request; \
port = os.environ.get('QABYLDAU_PORT', '8000'); \
is_gateway = pathlib.Path('/proc/1/cmdline').read_bytes().endswith(b'gateway\\0'); \
is_gateway and urllib.request.urlopen(f'http://127.0.0.1:{port}/health/live', timeout=2)"]

CMD ["gateway"]
