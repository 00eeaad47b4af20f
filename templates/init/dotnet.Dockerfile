# Slipway builds this image. It runs as user 65532, not as root.
FROM mcr.microsoft.com/dotnet/sdk:{{.Version}}.0 AS build
WORKDIR /src
COPY . .
RUN dotnet publish {{.Project}} -c Release -o /out /p:UseAppHost=false

FROM mcr.microsoft.com/dotnet/{{.Runtime}}:{{.Version}}.0
WORKDIR /app
COPY --from=build /out ./
USER 65532:65532
{{- if .Port}}
ENV ASPNETCORE_HTTP_PORTS={{.Port}}
EXPOSE {{.Port}}
{{- end}}
ENTRYPOINT ["dotnet", "{{.Name}}.dll"]
