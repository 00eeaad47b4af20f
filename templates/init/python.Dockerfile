# Slipway builds this image. It runs as user 65532, not as root.
FROM python:{{.Version}} AS build
WORKDIR /app
ENV PATH=/app/.venv/bin:/usr/local/bin:/usr/bin:/bin PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
{{- if eq .Tool "uv"}}
ENV UV_PYTHON_DOWNLOADS=never UV_LINK_MODE=copy UV_NO_CACHE=1
RUN pip install uv
COPY {{.Manifests}} ./
RUN uv sync --frozen --no-dev --no-install-project
COPY . .
RUN uv sync --frozen --no-dev
{{- else if eq .Tool "poetry"}}
ENV POETRY_VIRTUALENVS_IN_PROJECT=true POETRY_NO_INTERACTION=1
RUN pip install poetry
COPY {{.Manifests}} ./
RUN poetry install --only main --no-root
COPY . .
{{- else if eq .Tool "pipenv"}}
ENV PIPENV_VENV_IN_PROJECT=1
RUN pip install pipenv
COPY {{.Manifests}} ./
RUN pipenv sync
COPY . .
{{- else}}
RUN python -m venv .venv
{{- if .Manifests}}
COPY {{.Manifests}} ./
{{- else}}
COPY . .
{{- end}}
{{- if .Requirements}}
RUN pip install -r {{.Requirements}}
{{- else if eq .Tool "project"}}
RUN pip install .
{{- end}}
{{- if .Manifests}}
COPY . .
{{- end}}
{{- end}}
{{- if .Extra}}
RUN {{if eq .Tool "uv"}}uv pip install --python .venv/bin/python{{else}}.venv/bin/python -m pip install{{end}} {{.Extra}}
{{- end}}
{{- if .Static}}
RUN SECRET_KEY=build-only DJANGO_SECRET_KEY=build-only .venv/bin/python manage.py collectstatic --noinput
{{- end}}

FROM python:{{.Version}}-slim
{{- if .Libraries}}
RUN apt-get update && apt-get install -y --no-install-recommends {{.Libraries}} && rm -rf /var/lib/apt/lists/*
{{- end}}
WORKDIR /app
ENV PATH=/app/.venv/bin:/usr/local/bin:/usr/bin:/bin PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1{{if .Path}} PYTHONPATH={{.Path}}{{end}}
COPY --from=build --chown=65532:65532 /app ./
USER 65532:65532
{{- if .Port}}
ENV PORT={{.Port}}
EXPOSE {{.Port}}
{{- end}}
CMD {{.Command}}
