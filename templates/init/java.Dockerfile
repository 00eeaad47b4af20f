# Slipway builds this image. It runs as user 65532, not as root.
{{- if and .Maven (not .Wrapper)}}
FROM maven:3-eclipse-temurin-{{.Version}} AS build
{{- else if .Wrapper}}
FROM eclipse-temurin:{{.Version}}-jdk AS build
{{- else}}
FROM gradle:8-jdk{{.Version}} AS build
{{- end}}
WORKDIR /src
{{- if .Maven}}
{{- if not .Modules}}
COPY {{if .Wrapper}}mvnw {{end}}pom.xml ./
{{- if .Wrapper}}
COPY .mvn/ .mvn/
{{- end}}
RUN {{if .Wrapper}}sh ./mvnw{{else}}mvn{{end}} -B -q dependency:go-offline
{{- end}}
COPY . .
RUN {{if .Wrapper}}sh ./mvnw{{else}}mvn{{end}} -B -q -DskipTests package
{{- if .Quarkus}}
RUN cp -r target/quarkus-app /out
{{- else}}
RUN mkdir /out && cp "$(ls -S target/*.jar | grep -v -e '-sources' -e '-javadoc' -e '-plain' -e '/original-' | head -n 1)" /out/app.jar
{{- end}}
{{- else}}
{{- if not .Modules}}
COPY {{if .Wrapper}}gradlew {{end}}{{.Settings}} ./
{{- if .Wrapper}}
COPY gradle/ gradle/
{{- end}}
RUN {{if .Wrapper}}sh ./gradlew{{else}}gradle{{end}} --no-daemon dependencies
{{- end}}
COPY . .
RUN {{if .Wrapper}}sh ./gradlew{{else}}gradle{{end}} --no-daemon {{if .Spring}}bootJar{{else}}assemble{{end}} -x test
{{- if .Quarkus}}
RUN cp -r build/quarkus-app /out
{{- else}}
RUN mkdir /out && cp "$(ls -S build/libs/*.jar | grep -v -e '-sources' -e '-javadoc' -e '-plain' | head -n 1)" /out/app.jar
{{- end}}
{{- end}}

FROM eclipse-temurin:{{.Version}}-jre
WORKDIR /app
COPY --from=build /out ./
USER 65532:65532
ENV JAVA_TOOL_OPTIONS=-XX:MaxRAMPercentage=75
{{- if .Port}}
EXPOSE {{.Port}}
{{- end}}
CMD ["java", "-jar", "{{if .Quarkus}}quarkus-run.jar{{else}}app.jar{{end}}"]
