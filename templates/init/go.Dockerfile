# Slipway builds this image. It runs as user 65532, not as root.
FROM golang:{{.Version}} AS build
WORKDIR /src
{{- if .Download}}
COPY {{range .Modules}}{{.}} {{end}}./
RUN go mod download
{{- end}}
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags='-s -w' -o /out/app {{.Package}}

FROM busybox:1.36
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /out/app /app
USER 65532:65532
{{- if .Port}}
ENV PORT={{.Port}}
EXPOSE {{.Port}}
{{- end}}
ENTRYPOINT ["/app"]
