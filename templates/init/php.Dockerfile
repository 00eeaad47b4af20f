# Slipway builds this image. It runs as user 33 (www-data), not as root.
{{- if .Node}}
FROM {{.Node}} AS pages
WORKDIR /app
{{- if .NodeSetup}}
RUN {{.NodeSetup}}
{{- end}}
COPY . .
RUN {{.NodeBuild}}
{{end}}
{{- if .Composer}}
FROM composer:2 AS vendor
WORKDIR /app
COPY {{.Lock}} ./
RUN composer install --no-dev --no-scripts --no-autoloader --ignore-platform-reqs --no-interaction
COPY . .
RUN composer dump-autoload --no-dev --optimize --no-scripts
{{end}}
FROM php:{{.Version}}-apache
{{- if .Packages}}
RUN apt-get update && apt-get install -y --no-install-recommends {{.Packages}} && rm -rf /var/lib/apt/lists/*
{{- end}}
RUN docker-php-ext-install {{.Extensions}}
RUN sed -ri 's!^Listen 80$!Listen {{.Port}}!' /etc/apache2/ports.conf \
    && sed -ri 's!:80>!:{{.Port}}>!; s!/var/www/html!/app{{if ne .Root "."}}/{{.Root}}{{end}}!' /etc/apache2/sites-available/*.conf \
    && sed -ri 's!/var/www/!/app/!' /etc/apache2/apache2.conf \
    && a2enmod rewrite && cp "$PHP_INI_DIR/php.ini-production" "$PHP_INI_DIR/php.ini"
WORKDIR /app
COPY --chown=33:33{{if .Composer}} --from=vendor /app{{else}} .{{end}} ./
{{- if .Node}}
COPY --chown=33:33 --from=pages /app/{{if ne .Root "."}}{{.Root}}{{end}} ./{{if ne .Root "."}}{{.Root}}{{end}}
{{- end}}
{{- if .Laravel}}
RUN mkdir -p storage/framework/cache storage/framework/sessions storage/framework/views bootstrap/cache && chown -R 33:33 storage bootstrap/cache
{{- end}}
{{- if .Symfony}}
ENV APP_ENV=prod
RUN mkdir -p var && chown -R 33:33 var
{{- end}}
USER 33:33
EXPOSE {{.Port}}
CMD ["apache2-foreground"]
