# smsops and nothing else: docker build -t smsops . && docker run --rm -v "$PWD:/stack" smsops plan
FROM python:3.13-slim AS build
COPY requirements/runtime.lock /source/requirements/
RUN python -m venv /opt/smsops/venv \
    && /opt/smsops/venv/bin/pip install --no-cache-dir --no-compile --require-hashes -r /source/requirements/runtime.lock
COPY pyproject.toml README.md CHANGELOG.md /source/
COPY docs/codes.md /source/docs/
COPY scripts/version.py /source/scripts/
COPY smsops /source/smsops
ARG EXTRAS=s3,gcs,azure,postgres,mysql
# There is no git in here: --build-arg SMSOPS_VERSION="$(python3 scripts/version.py)" tells what is built.
ARG SMSOPS_VERSION
RUN /opt/smsops/venv/bin/pip install --no-cache-dir --no-compile --no-build-isolation "/source[$EXTRAS]"

FROM python:3.13-slim
# git tells plans from which commit they are; the certificates are those of Debian.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates git \
    && rm -rf /var/lib/apt/lists/* \
    && git config --system --add safe.directory '*' \
    && useradd --uid 10001 --create-home --shell /usr/sbin/nologin smsops
COPY --from=build /opt/smsops/venv /opt/smsops/venv
COPY ci/comment.py ci/forge.py /opt/smsops/ci/
ENV PATH=/opt/smsops/venv/bin:$PATH PYTHONDONTWRITEBYTECODE=1
USER smsops
WORKDIR /stack
ENTRYPOINT ["smsops"]
CMD ["--help"]
