# Slipway builds this image. It runs as user 65532, not as root.
FROM node:24-slim AS build
WORKDIR /app
{{- if .Install}}
COPY {{range .Manifests}}{{.}} {{end}}./
RUN {{.Install}}
{{- end}}
COPY . .
{{- if .Build}}
RUN {{.Build}}
{{- end}}
{{- if .Prune}}
RUN {{.Prune}}
{{- end}}

FROM node:24-slim
WORKDIR /app
ENV NODE_ENV=production npm_config_cache=/tmp/npm PORT={{.Port}}
COPY --from=build /app ./
USER 65532:65532
EXPOSE {{.Port}}
CMD {{.Command}}
