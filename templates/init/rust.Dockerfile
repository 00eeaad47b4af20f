# Slipway builds this image. It runs as user 65532, not as root.
FROM rust:1-bookworm AS build
WORKDIR /src
COPY . .
RUN cargo build --release{{if .Locked}} --locked{{end}} --bin {{.Program}}

FROM debian:bookworm-slim
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /src/target/release/{{.Program}} /app
USER 65532:65532
{{- if .Port}}
ENV PORT={{.Port}}
EXPOSE {{.Port}}
{{- end}}
ENTRYPOINT ["/app"]
