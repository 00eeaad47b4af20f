package language

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway/internal/detect/files"
	"github.com/slipway-dev/slipway/internal/detect/found"
	"github.com/slipway-dev/slipway/internal/project"
)

var (
	// javaVersionText finds the version of Java that a build asks for.
	javaVersionText = regexp.MustCompile(`<(?:java\.version|maven\.compiler\.release|maven\.compiler\.source|release)>\s*(?:1\.)?(\d{1,2})|JavaLanguageVersion\.of\(\s*(\d{1,2})|JavaVersion\.VERSION_(?:1_)?(\d{1,2})|jvmToolchain\(\s*(\d{1,2})|(?:source|target)Compatibility\s*=\s*['"]?(?:1\.)?(\d{1,2})|java\.runtime\.version=(?:1\.)?(\d{1,2})`)
	// javaPort finds the port in the settings of an application.
	javaPort = regexp.MustCompile(`(?m)^\s*(?:server|quarkus\.http|micronaut\.server)\.port\s*[=:]\s*(?:\$\{\w+:)?(\d{2,5})|^server:\s*\n(?:\s+\w[^\n]*\n)*?\s+port:\s*(?:\$\{\w+:)?(\d{2,5})`)
	// javaServer finds what a program serves with.
	javaServer = regexp.MustCompile(`spring-boot-starter-web|spring-boot-starter-jetty|spring-boot-starter-undertow|quarkus-(?:resteasy|rest|vertx|undertow)|micronaut-http-server|ktor-server|javalin|sparkjava|spark-core|vertx-web|jetty-server|undertow-core|dropwizard|helidon|grpc-netty|io\.micronaut`)
	// javaModules finds that a build has several modules.
	javaModules = regexp.MustCompile(`<modules>|(?m)^\s*include\s*\(?['"]`)
	// warPackaging finds programs that run in an application server.
	warPackaging = regexp.MustCompile(`<packaging>\s*war\s*</packaging>`)
	// libraryPackaging finds modules that hold nothing but others.
	libraryPackaging = regexp.MustCompile(`<packaging>\s*pom\s*</packaging>`)
	// javaMain finds that a build says which class a jar starts with.
	javaMain = regexp.MustCompile(`(?i)spring-boot|quarkus|micronaut|mainClass|main-class|shadow|maven-shade|maven-assembly|application`)
)

// javaVersions are those that images are there of.
func javaVersions() []int { return []int{8, 11, 17, 21, 25} }

// javaDefault is the version where nothing asks for another one.
const javaDefault = 21

// java recognises a program that Maven or Gradle builds.
func java(d files.Dir, service *found.Service) error {
	pom := d.Text("pom.xml")
	gradle := d.Text(d.First("build.gradle.kts", "build.gradle"))
	all := pom + gradle + d.Text("gradle/libs.versions.toml") + d.Text(d.First("settings.gradle.kts", "settings.gradle"))
	switch {
	case warPackaging.MatchString(pom) && !strings.Contains(pom, "spring-boot"):
		return fmt.Errorf("it makes a war, for which no Dockerfile is written; add one from an application server's image")
	case libraryPackaging.MatchString(pom), javaModules.MatchString(all) && !javaMain.MatchString(all):
		return fmt.Errorf("it has several modules, and nothing says which is to run: add a Dockerfile")
	case !javaMain.MatchString(all):
		return fmt.Errorf("nothing says with which class the program starts: name it in the build, or add a Dockerfile")
	}
	service.Why += ", " + javaTool(pom)
	settings := d.Text("src/main/resources/application.properties") + "\n" + d.Text("src/main/resources/application.yml") + "\n" + d.Text("src/main/resources/application.yaml")
	if javaServer.MatchString(all) {
		port := firstPort(javaPort, settings)
		if port == 0 {
			port = 8080
		}
		service.Listen(port)
	} else {
		service.Hint("%s: it seems not to listen: if it does, add port and routes to slipway.yaml", service.Why)
	}
	if strings.Contains(all, "spring-boot-starter-actuator") && service.Spec.Port != 0 {
		service.Spec.Health = &project.Health{Path: "/actuator/health"}
	}
	service.Spec.Resources = project.Resources{Memory: "768Mi"}
	version := javaVersion(all + d.Text("system.properties") + d.Text(".java-version"))
	wrapper := d.Has("mvnw") && d.Has(".mvn/wrapper/maven-wrapper.properties")
	if pom == "" {
		wrapper = d.Has("gradlew") && d.Has("gradle/wrapper/gradle-wrapper.properties")
	}
	return write(d, service, "java", map[string]any{
		"Version": version, "Maven": pom != "", "Wrapper": wrapper, "Modules": javaModules.MatchString(all), "Quarkus": strings.Contains(all, "quarkus"), "Port": service.Spec.Port,
		"Settings": strings.Join(d.Present("settings.gradle", "settings.gradle.kts", "build.gradle", "build.gradle.kts", "gradle.properties"), " "),
		"Spring":   strings.Contains(gradle, "springframework.boot") || strings.Contains(all, "spring-boot"),
	})
}

func javaTool(pom string) string {
	if pom != "" {
		return "Maven"
	}
	return "Gradle"
}

// javaVersion returns the least version that images are there of and that is
// at least what is asked for.
func javaVersion(text string) int {
	for _, match := range javaVersionText.FindAllStringSubmatch(text, 10) {
		for _, group := range match[1:] {
			asked, err := strconv.Atoi(group)
			if err != nil {
				continue
			}
			versions := javaVersions()
			if at := slices.IndexFunc(versions, func(v int) bool { return v >= asked }); at >= 0 {
				return versions[at]
			}
			return versions[len(versions)-1]
		}
	}
	return javaDefault
}
