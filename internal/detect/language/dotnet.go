package language

import (
	"fmt"
	"path"
	"regexp"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway/internal/detect/files"
	"github.com/slipway-dev/slipway/internal/detect/found"
)

var (
	// dotnetFramework finds the versions that a project is made for.
	dotnetFramework = regexp.MustCompile(`<TargetFrameworks?>[^<]*?net(\d{1,2})\.0`)
	// dotnetSDK finds the kind of a project.
	dotnetSDK = regexp.MustCompile(`Sdk\s*=\s*"Microsoft\.NET\.Sdk(?:\.(Web|Worker|BlazorWebAssembly))?`)
	// dotnetAssembly finds the name of what is built.
	dotnetAssembly = regexp.MustCompile(`<AssemblyName>\s*([\w.-]+)\s*</AssemblyName>`)
	// dotnetReference finds projects that one refers to.
	dotnetReference = regexp.MustCompile(`<ProjectReference\s+Include\s*=\s*"\.\.[\\/]`)
	// dotnetExecutable finds programs without a web server.
	dotnetExecutable = regexp.MustCompile(`<OutputType>\s*Exe\s*</OutputType>`)
)

// dotnetPort is what ASP.NET listens on in its images.
const dotnetPort = 8080

// dotnet recognises a program of .NET.
func dotnet(d files.Dir, service *found.Service) error {
	project := append(append(d.Match("*.csproj"), d.Match("*.fsproj")...), d.Match("*.vbproj")...)[0]
	text := d.Text(project)
	kind := dotnetSDK.FindStringSubmatch(text)
	switch {
	case strings.Contains(text, "Microsoft.NET.Test.Sdk"):
		return fmt.Errorf("it is a project of tests")
	case kind == nil:
		return fmt.Errorf("it is a project for .NET Framework, or of a kind that is not known; add a Dockerfile")
	case kind[1] == "BlazorWebAssembly":
		return fmt.Errorf("no Dockerfile is written for Blazor WebAssembly; add one that serves its wwwroot")
	case kind[1] == "" && !dotnetExecutable.MatchString(text):
		return fmt.Errorf("it is a library")
	}
	version := 0
	for _, match := range dotnetFramework.FindAllStringSubmatch(text+files.Dir{Tree: d.Tree, Path: "."}.Text("Directory.Build.props"), 5) {
		if n, err := strconv.Atoi(match[1]); err == nil {
			version = max(version, n)
		}
	}
	if version == 0 {
		version = 8
		service.Hint("%s: it doesn't say for which version of .NET it is made: the Dockerfile takes %d.0", d.Join(project), version)
	}
	name := strings.TrimSuffix(project, path.Ext(project))
	if assembly := firstGroup(dotnetAssembly, text); assembly != "" {
		name = assembly
	}
	if !found.IsPlain(project) || !found.IsPlain(name) {
		return fmt.Errorf("its name can't stand in a Dockerfile; rename it")
	}
	if dotnetReference.MatchString(text) {
		service.Spec.Build.Context = dotnetRoot(d)
	}
	runtime := "runtime"
	if kind[1] == "Web" {
		runtime = "aspnet"
		service.Listen(dotnetPort)
	} else {
		service.Hint("%s: it seems not to listen: if it does, add port and routes to slipway.yaml", d.Join(project))
	}
	below, _ := relative(service.Spec.Build.Context, d.Join(project))
	return write(d, service, "dotnet", map[string]any{"Version": version, "Project": below, "Name": name, "Runtime": runtime, "Port": service.Spec.Port})
}

// dotnetRoot returns the directory of the solution that a project belongs to.
func dotnetRoot(d files.Dir) string {
	for above := d.Path; above != "."; {
		above = path.Dir(above)
		if root := (files.Dir{Tree: d.Tree, Path: above}); len(root.Match("*.sln"))+len(root.Match("*.slnx")) > 0 {
			return above
		}
	}
	return "."
}
