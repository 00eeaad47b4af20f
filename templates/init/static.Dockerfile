# Slipway builds this image. It runs as user 65532, not as root.
FROM busybox:1.36
COPY {{.Pages}} /www
USER 65532:65532
EXPOSE {{.Port}}
CMD ["httpd", "-f", "-v", "-p", "{{.Port}}", "-h", "/www"]
