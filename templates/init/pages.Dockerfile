# Slipway builds this image. It runs as user 65532, not as root.
FROM node:24-slim AS build
WORKDIR /app
{{- if .Install}}
COPY {{range .Manifests}}{{.}} {{end}}./
RUN {{.Install}}
{{- end}}
COPY . .
RUN {{.Build}}

FROM busybox:1.36
COPY --from=build /app/{{.Output}} /www
USER 65532:65532
EXPOSE {{.Port}}
CMD ["httpd", "-f", "-v", "-p", "{{.Port}}", "-h", "/www"]
