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
RUN {{.Build}}
{{- if .Single}}

# Every path that is no file is answered by the application's first page.
FROM nginx:1.28
RUN printf '%s\n' \
    'pid /tmp/nginx.pid; worker_processes 1; error_log /dev/stderr;' \
    'events {}' \
    'http { include /etc/nginx/mime.types; access_log /dev/stdout; gzip on; gzip_types text/css application/javascript application/json image/svg+xml;' \
    'client_body_temp_path /tmp/body; proxy_temp_path /tmp/proxy; fastcgi_temp_path /tmp/fastcgi; uwsgi_temp_path /tmp/uwsgi; scgi_temp_path /tmp/scgi;' \
    'server { listen {{.Port}}; root /www; location / { try_files $uri $uri/ /index.html; } } }' > /etc/nginx/nginx.conf
COPY --from=build /app/{{.Output}} /www
USER 65532:65532
EXPOSE {{.Port}}
CMD ["nginx", "-g", "daemon off;"]
{{- else}}

FROM busybox:1.36
COPY --from=build /app/{{.Output}} /www
USER 65532:65532
EXPOSE {{.Port}}
CMD ["httpd", "-f", "-v", "-p", "{{.Port}}", "-h", "/www"]
{{- end}}
