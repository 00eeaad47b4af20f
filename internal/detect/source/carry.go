package source

import (
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway/internal/detect/found"
	"github.com/slipway-dev/slipway/internal/project"
)

// build takes over what is built.
func (c *compose) build(name string, s *found.Service) {
	from, d := c.Project.Services[name].Build, c.dockerfile(name)
	s.Spec.Build = &project.Build{Context: d.Context, Target: from.Target}
	if from.Dockerfile != "" && path.Clean(from.Dockerfile) != "Dockerfile" || !strings.HasSuffix(d.Path, "Dockerfile") {
		s.Spec.Build.Dockerfile = strings.TrimPrefix(d.Path, strings.TrimPrefix(d.Context+"/", "./"))
	}
	for _, arg := range slices.Sorted(maps.Keys(from.Args)) {
		value, given := "", from.Args[arg]
		if given != nil {
			value = *given
		} else {
			value = c.Variables[arg]
		}
		if found.IsSecret(arg, value) {
			c.leave("services."+name+".build.args."+arg, c.At("services", name, "build", "args", arg), "its name says that it is secret, and images keep their arguments: give it when the service runs")
			continue
		}
		if s.Spec.Build.Args == nil {
			s.Spec.Build.Args = map[string]string{}
		}
		s.Spec.Build.Args[arg] = value
	}
}

// ports takes the first port as the service's; one that publishes none has
// those that labels say, or that others name it with.
func (c *compose) ports(name string, s *found.Service) {
	c.published(name, s)
	for _, text := range c.Project.Services[name].Expose {
		number, _, _ := strings.Cut(text, "/")
		if port, err := strconv.ParseUint(number, 10, 16); err == nil {
			addPort(s, int32(port), false)
		}
	}
	c.labelled(name, s)
	called := regexp.MustCompile(`(?:^|[^A-Za-z0-9_.-])` + regexp.QuoteMeta(name) + `:([0-9]{2,5})(?:$|[^0-9])`)
	for _, other := range slices.Sorted(maps.Keys(c.Project.Services)) {
		for _, variable := range slices.Sorted(maps.Keys(c.Project.Services[other].Environment)) {
			value := c.Project.Services[other].Environment[variable]
			if value == nil {
				continue
			}
			for _, match := range called.FindAllStringSubmatch(*value, 10) {
				if port, err := strconv.ParseUint(match[1], 10, 16); err == nil {
					addPort(s, int32(port), false)
				}
			}
		}
	}
}

// published takes the ports that a machine would publish; the first is the one
// that routes lead to.
func (c *compose) published(name string, s *found.Service) {
	from := c.Project.Services[name]
	for _, port := range from.Ports {
		where := c.At("services", name, "ports")
		switch {
		case port.Target > 65535:
		case port.Protocol == "udp":
			c.leave("services."+name+".ports", where, fmt.Sprintf("port %d is UDP, which routes don't carry", port.Target))
		case slices.Contains([]uint32{5678, 9229, 9228, 5005, 2345, 40000}, port.Target) && len(from.Ports) > 1:
			c.leave("services."+name+".ports", where, fmt.Sprintf("port %d is one of debuggers", port.Target))
		default:
			addPort(s, int32(port.Target), true)
		}
	}
}

// addPort adds a port to a service: its own, or a further one.
func addPort(s *found.Service, port int32, routed bool) {
	switch {
	case port == 0 || port == s.Spec.Port:
	case s.Spec.Port == 0 && routed:
		s.Listen(port)
	case s.Spec.Port == 0:
		s.Spec.Port = port
	default:
		if s.Spec.Ports == nil {
			s.Spec.Ports = map[string]int32{}
		}
		s.Spec.Ports["port-"+strconv.Itoa(int(port))] = port
	}
}

// environment takes variables over, but for what is secret.
func (c *compose) environment(name string, s *found.Service) {
	from := c.Project.Services[name]
	for _, given := range from.EnvFiles {
		file := path.Join(c.Dir, given.Path)
		text := c.t.Text(file)
		if text == "" && !c.t.Has(file) {
			if bool(given.Required) {
				secret := strings.Trim(notInVolumeName.ReplaceAllString(strings.ToLower(file), "-"), "-")
				s.Spec.Secrets = append(s.Spec.Secrets, secret)
				c.leave("services."+name+".env_file", c.At("services", name, "env_file"), file+" is not committed: its variables come from the Secret "+secret+", which slipway seal makes")
			}
			continue
		}
		values := variablesOf(text)
		for _, variable := range slices.Sorted(maps.Keys(values)) {
			s.SetEnv(variable, values[variable])
		}
	}
	for _, variable := range slices.Sorted(maps.Keys(from.Environment)) {
		value := from.Environment[variable]
		if known, is := c.Variables[variable]; value == nil && is && variable != "PWD" {
			value = &known
		}
		if value == nil {
			c.leave("services."+name+".environment."+variable, c.At("services", name, "environment", variable), "it has no value here: give it with env, or with slipway seal if it is secret")
			continue
		}
		if *value == "" && found.IsSecret(variable, "x") {
			c.leave("services."+name+".environment."+variable, c.At("services", name, "environment", variable), "it is empty here, and its name says that it is secret: slipway seal "+name+"-secrets "+variable+" gives it, where it is needed")
			continue
		}
		s.SetEnv(variable, *value)
	}
	slices.Sort(s.Held)
	for _, variable := range s.Held {
		c.leave("services."+name+".environment."+variable, c.At("services", name, "environment", variable), "it is secret, so its value is not copied: put it into the Secret "+name+"-secrets")
	}
}
