# The server, the command line and the render worker are one static program.
# With a vendor directory beside go.mod nothing is downloaded.
FROM golang:1.26 AS build
WORKDIR /src
COPY . .
ARG VERSION=dev
RUN CGO_ENABLED=0 go build -trimpath -ldflags="-s -w -X main.version=${VERSION}" -o /out/slipway ./cmd/slipway

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /out/slipway /slipway
USER 65532:65532
ENTRYPOINT ["/slipway"]
