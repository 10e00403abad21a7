# The image of the API, the worker and the operator's command: the argument says which (api, worker, migrate, ...).

FROM ghcr.io/astral-sh/uv:0.13 AS uv

FROM python:3.13-slim AS build
COPY --from=uv /uv /usr/local/bin/uv
ENV UV_PYTHON=/usr/local/bin/python \
    UV_PYTHON_DOWNLOADS=never \
    UV_PROJECT_ENVIRONMENT=/opt/postagens \
    UV_NO_CACHE=1
WORKDIR /src
# The libraries first: this layer is made again only when the lock file changes.
COPY pyproject.toml uv.lock ./
RUN uv sync --frozen --no-default-groups --no-install-project --compile-bytecode
COPY README.md LICENSE ./
COPY app app
RUN uv sync --frozen --no-default-groups --no-editable --compile-bytecode

FROM python:3.13-slim
LABEL org.opencontainers.image.title="postagens" \
      org.opencontainers.image.description="A self-hosted REST API for logistics postings." \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/postagens /opt/postagens
COPY deploy/compose /opt/postagens/share/compose
# HOST: who may reach the port is decided outside of a container, not in it.
ENV PATH=/opt/postagens/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOST=0.0.0.0 \
    PORT=8000
# A number and not a name: Kubernetes' runAsNonRoot can only judge a number. Nothing in the image belongs to it.
USER 10001:10001
WORKDIR /opt/postagens
EXPOSE 8000
STOPSIGNAL SIGTERM
ENTRYPOINT ["postagens"]
CMD ["api"]
