# Slipway builds this image. It runs as user 65532, not as root.
FROM ruby:{{.Version}} AS build
RUN apt-get update && apt-get install -y --no-install-recommends {{.Packages}}{{if .Node}} nodejs npm{{end}} && rm -rf /var/lib/apt/lists/*
WORKDIR /app
ENV BUNDLE_PATH=/app/vendor/bundle BUNDLE_WITHOUT=development:test{{if .Frozen}} BUNDLE_DEPLOYMENT=1{{end}}{{if .Rails}} RAILS_ENV=production{{end}}
COPY {{.Lock}} ./
RUN bundle install
{{- if .Node}}
COPY package.json ./
RUN npm install
{{- end}}
COPY . .
{{- if .Rails}}
RUN SECRET_KEY_BASE_DUMMY=1 SECRET_KEY_BASE=build-only bundle exec rails assets:precompile
{{- end}}

FROM ruby:{{.Version}}-slim
{{- if .Libraries}}
RUN apt-get update && apt-get install -y --no-install-recommends {{.Libraries}} && rm -rf /var/lib/apt/lists/*
{{- end}}
WORKDIR /app
ENV BUNDLE_PATH=/app/vendor/bundle BUNDLE_WITHOUT=development:test HOME=/tmp{{if .Rails}} RAILS_ENV=production{{end}} PORT={{.Port}}
COPY --from=build --chown=65532:65532 /app ./
USER 65532:65532
EXPOSE {{.Port}}
CMD {{.Command}}
