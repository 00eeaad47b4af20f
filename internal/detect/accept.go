package detect

import (
	"context"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway/internal/detect/files"
	"github.com/slipway-dev/slipway/internal/detect/found"
	"github.com/slipway-dev/slipway/internal/detect/source"
	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/projectfile"
)

// maxRounds is how often services of a Compose file are left out until the
// others are allowed.
const maxRounds = 10

// maxReasons is how many reasons against one service are named.
const maxReasons = 12

// accept takes those of the services that are allowed. What is refused is left
// out with its reasons; of a Compose file only those services that they are
// about.
func (m *maker) accept(ctx context.Context, services []found.Service) error {
	for _, service := range services {
		kept, err := m.allowed(ctx, service)
		if err != nil {
			return err
		}
		if kept != nil {
			m.services = append(m.services, *kept)
		}
	}
	return nil
}

// allowed returns what of a service is allowed, nil when nothing is.
func (m *maker) allowed(ctx context.Context, service found.Service) (*found.Service, error) {
	for range maxRounds {
		reasons, err := m.check(ctx, service)
		if err != nil || len(reasons) == 0 {
			return &service, err
		}
		blamed := m.blamed(ctx, service, reasons)
		if len(blamed) == 0 {
			if blamed, err = m.refusedAlone(ctx, service); err != nil {
				return nil, err
			}
		}
		rest := slices.DeleteFunc(m.composed(ctx, service), func(name string) bool { return slices.Contains(blamed, name) })
		m.leaveReasons(service, reasons)
		if len(blamed) == 0 || len(rest) == 0 {
			return nil, nil
		}
		service = withServices(service, rest)
	}
	return nil, nil
}

// check asks for the reasons against one service alone.
func (m *maker) check(ctx context.Context, service found.Service) ([]string, error) {
	service.Name = found.Name(service.Name)
	text, err := m.write([]found.Service{service})
	if err != nil {
		return []string{err.Error()}, nil //nolint:nilerr // a service that can't be written is left out with that reason
	}
	document, err := projectfile.Parse(project.FileName, text)
	if err != nil {
		return []string{err.Error()}, nil //nolint:nilerr // as above
	}
	return m.checker.Check(ctx, files.With(m.fsys, service.Files), document)
}

// composed returns the services of a Compose file that a service takes.
func (m *maker) composed(ctx context.Context, service found.Service) []string {
	if service.Spec.Compose == nil {
		return nil
	}
	if names := service.Spec.Compose.Services; len(names) > 0 {
		return slices.Clone(names)
	}
	names, err := source.ComposeServices(ctx, files.With(m.fsys, service.Files), *service.Spec.Compose)
	if err != nil {
		return nil
	}
	return names
}

// aboutVolume finds the top-level volume that a reason is about.
var aboutVolume = regexp.MustCompile(`: volumes\.([A-Za-z0-9][A-Za-z0-9._-]*?)\.(?:external|driver|driver_opts)\b`)

// aboutService finds the service of a Compose file that a reason is about.
var aboutService = regexp.MustCompile(`services\.([A-Za-z0-9][A-Za-z0-9_-]*)|^[A-Z][A-Za-z]+/([a-z0-9-]+):`)

// blamed returns the services of a Compose file that the reasons are about.
func (m *maker) blamed(ctx context.Context, service found.Service, reasons []string) []string {
	if service.Spec.Compose == nil {
		return nil
	}
	var all []string
	for _, reason := range reasons {
		for line := range strings.SplitSeq(reason, "\n") {
			if volume := aboutVolume.FindStringSubmatch(line); volume != nil {
				all = append(all, source.Mounting(ctx, files.With(m.fsys, service.Files), *service.Spec.Compose, volume[1])...)
				continue
			}
			match := aboutService.FindStringSubmatch(line)
			if match == nil {
				continue
			}
			if name := match[1] + match[2]; name != service.Name && !slices.Contains(all, name) {
				all = append(all, name)
			}
		}
	}
	return all
}

// refusedAlone returns the services of a Compose file that are refused when
// each is taken alone.
func (m *maker) refusedAlone(ctx context.Context, service found.Service) ([]string, error) {
	names := m.composed(ctx, service)
	if len(names) < 2 {
		return nil, nil
	}
	var all []string
	for _, name := range names {
		reasons, err := m.check(ctx, withServices(service, []string{name}))
		if err != nil {
			return nil, err
		}
		if len(reasons) > 0 {
			all = append(all, name)
		}
	}
	return all, nil
}

// withServices returns a service that takes other services of its Compose file.
func withServices(service found.Service, names []string) found.Service {
	spec := *service.Spec.Compose
	slices.Sort(names)
	spec.Services = names
	service.Spec.Compose = &spec
	for name, data := range service.Files {
		if web := routed.FindSubmatch(data); web != nil && !slices.Contains(names, string(web[1])) {
			service.Files = nil
			spec.Files = slices.DeleteFunc(slices.Clone(spec.Files), func(file string) bool { return file == name })
			service.Hints = slices.DeleteFunc(slices.Clone(service.Hints), func(hint string) bool { return strings.Contains(hint, name) })
		}
	}
	if len(spec.Files) == 1 {
		spec.File, spec.Files = spec.Files[0], nil
	}
	return service
}

// routed finds the service that a Compose file of ours gives a route.
var routed = regexp.MustCompile(`(?m)^  ([A-Za-z0-9_.-]+): \{x-slipway:`)

// leaveReasons names what stands against a service.
func (m *maker) leaveReasons(service found.Service, reasons []string) {
	for i, reason := range reasons {
		if i == maxReasons {
			m.leave(service.Why, "and %d more reasons: slipway render prints them", len(reasons)-i)
			return
		}
		for _, left := range source.LeftOf(reason) {
			if left.Where == "" {
				left.Where = service.Why
			}
			if !slices.Contains(m.left, left) {
				m.left = append(m.left, left)
			}
		}
	}
}

// refuse checks all services together, so that what is written is what is
// allowed.
func (m *maker) refuse(ctx context.Context) error {
	for len(m.services) > 0 {
		text, err := m.write(m.services)
		if err != nil {
			return err
		}
		document, err := projectfile.Parse(project.FileName, text)
		if err != nil {
			return err
		}
		reasons, err := m.checker.Check(ctx, files.With(m.fsys, m.files()), document)
		if err != nil || len(reasons) == 0 {
			return err
		}
		at := m.against(reasons)
		m.leaveReasons(m.services[at], reasons)
		m.services = slices.Delete(m.services, at, at+1)
	}
	return nil
}

// against returns the service that reasons are about: the one that they name,
// or the last.
func (m *maker) against(reasons []string) int {
	text := strings.Join(reasons, "\n")
	for i, service := range m.services {
		if strings.Contains(text, "services."+service.Name+":") || strings.Contains(text, "services."+service.Name+".") || strings.Contains(text, "service "+service.Name+":") || strings.Contains(text, "/"+service.Name+":") {
			return i
		}
	}
	return len(m.services) - 1
}

// nameAll gives each service a name of its own, which no service of a Compose
// file has.
func (m *maker) nameAll(ctx context.Context) {
	taken := map[string]bool{}
	for _, service := range m.services {
		if service.Spec.Compose != nil {
			for _, name := range m.composed(ctx, service) {
				taken[name] = true
			}
		}
	}
	for i := range m.services {
		service := &m.services[i]
		name := service.Name
		if name == "" {
			name = "web"
		}
		for suffix := 0; taken[name]; suffix++ {
			name = found.Name(unique(*service, suffix))
		}
		taken[name] = true
		service.Name = name
	}
}

// unique returns further names of a service: with the directory above, then
// with a number.
func unique(service found.Service, attempt int) string {
	if attempt == 0 {
		if build := service.Spec.Build; build != nil && strings.Contains(build.Context, "/") {
			return strings.ReplaceAll(build.Context, "/", "-")
		}
		for _, dir := range []string{service.Spec.Kustomize, chartOf(service)} {
			if strings.Contains(dir, "/") {
				return strings.ReplaceAll(dir, "/", "-")
			}
		}
		if service.Spec.Compose != nil {
			return service.Name + "-file"
		}
		return "app"
	}
	return service.Name + "-" + strconv.Itoa(attempt+1)
}
