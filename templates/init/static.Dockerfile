# Slipway builds this image, and runs it as user 65532 on a read-only file system.
FROM busybox:1.36
COPY {{.Pages}} /www
USER 65532:65532
EXPOSE {{.Port}}
CMD ["httpd", "-f", "-v", "-p", "{{.Port}}", "-h", "/www"]
