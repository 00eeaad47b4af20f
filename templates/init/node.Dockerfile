# Slipway builds this image. It runs as user 65532, not as root.
FROM {{.Image}} AS build
WORKDIR /app
{{- if .Setup}}
RUN {{.Setup}}
{{- end}}
{{- if .Install}}
{{- range .Copies}}
COPY {{.}}
{{- end}}
RUN {{.Install}}
{{- end}}
COPY . .
{{- if .Build}}
RUN {{.Build}}
{{- end}}
{{- if .Prune}}
RUN {{.Prune}}
{{- end}}

FROM {{.Image}}
WORKDIR /app{{if .Directory}}/{{.Directory}}{{end}}
ENV NODE_ENV=production HOME=/tmp HOST=0.0.0.0{{if .Port}} PORT={{.Port}}{{end}}
COPY --from=build --chown=65532:65532 /app /app
USER 65532:65532
{{- if .Port}}
EXPOSE {{.Port}}
{{- end}}
CMD {{.Command}}
