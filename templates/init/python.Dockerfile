# Slipway builds this image. It runs as user 65532, not as root.
FROM python:3.13-slim AS build
WORKDIR /app
RUN python -m venv /venv
{{- if .Requirements}}
COPY {{.Requirements}} ./
RUN /venv/bin/pip install --no-cache-dir -r {{.Requirements}}
{{- else}}
COPY . .
RUN /venv/bin/pip install --no-cache-dir .
{{- end}}

FROM python:3.13-slim
WORKDIR /app
ENV PATH=/venv/bin:/usr/local/bin:/usr/bin:/bin PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
COPY --from=build /venv /venv
COPY . .
USER 65532:65532
{{- if .Port}}
ENV PORT={{.Port}}
EXPOSE {{.Port}}
{{- end}}
CMD {{.Command}}
