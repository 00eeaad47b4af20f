package template

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/render/source"
	"github.com/slipway-dev/slipway/internal/render/workload"
)

// serviceVariable stands for the name of the service that uses the template.
const serviceVariable = "service"

// Expansion is what one use of a template becomes.
type Expansion struct {
	Services map[string]project.Service
	// Secret is nil when the template needs none.
	Secret *source.Secret
}

// Expand applies the template to a service of the project file. What the
// service says besides (routes, scale, resources, env, secrets, security,
// deadline) counts for the service of its own name.
func (t Template) Expand(name string, s project.Service, locks map[string]any) (Expansion, error) {
	values, err := t.values(name, s.With, locks)
	if err != nil {
		return Expansion{}, err
	}
	values[serviceVariable] = name
	services := map[string]project.Service{}
	main, err := t.service(name, t.Service, values)
	if err != nil {
		return Expansion{}, err
	}
	secret := t.secret(name, values)
	if secret != nil {
		main.Secrets = append([]string{secret.Name}, main.Secrets...)
	}
	services[name] = besides(main, s)
	for _, suffix := range slices.Sorted(maps.Keys(t.Also)) {
		one, err := t.service(name+"-"+suffix, t.Also[suffix], values)
		if err != nil {
			return Expansion{}, err
		}
		one.Deadline = s.Deadline
		services[name+"-"+suffix] = one
	}
	return Expansion{Services: services, Secret: secret}, nil
}

// values returns the value of every parameter.
func (t Template) values(service string, with project.Parameters, locks map[string]any) (map[string]any, error) {
	for _, given := range slices.Sorted(maps.Keys(with)) {
		if _, known := t.Parameters[given]; !known {
			return nil, fault.New(fault.Invalid, "service %s: the template %s has no parameter %.60q; it has %s", service, t.Name, given, strings.Join(slices.Sorted(maps.Keys(t.Parameters)), ", "))
		}
	}
	values := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(t.Parameters)) {
		p := t.Parameters[name]
		given, isGiven := with[name]
		locked, isLocked := locks[name]
		switch {
		case isLocked && !p.Lockable:
			return nil, fault.New(fault.Invalid, "service %s: the organization locks %s of the template %s, which can't be locked; ask its administrator to remove the lock", service, name, t.Name)
		case isLocked && isGiven && text(given) != text(locked):
			return nil, fault.New(fault.Denied, "service %s: with.%s: the organization has fixed it at %s; leave it out", service, name, text(locked))
		case isLocked:
			given = locked
		case !isGiven:
			given = p.Default
		}
		if given == nil {
			return nil, fault.New(fault.Invalid, "service %s: with.%s is missing (%s); give it", service, name, p.Description)
		}
		value, err := p.value(given)
		if err != nil {
			return nil, fault.New(fault.Invalid, "service %s: with.%s %v", service, name, err)
		}
		values[name] = value
	}
	return values, nil
}

// secret returns the Secret of one use of the template; its formats have no
// parameters any more.
func (t Template) secret(service string, values map[string]any) *source.Secret {
	if len(t.Secret) == 0 {
		return nil
	}
	s := &source.Secret{Name: service + "-credentials", Service: service, Values: map[string]source.SecretValue{}}
	for key, value := range t.Secret {
		s.Values[key] = value.Substitute(func(name string) (string, bool) {
			given, known := values[name]
			return text(given), known
		})
	}
	return s
}

// service fills one tree and decodes it strictly.
func (t Template) service(name string, shape map[string]any, values map[string]any) (project.Service, error) {
	filled, _, err := fill(shape, values)
	if err != nil {
		return project.Service{}, fault.New(fault.Invalid, "template %s: service %s: %v", t.Name, name, err)
	}
	if tree, ok := filled.(map[string]any); ok {
		textual(tree["env"])
	}
	encoded, err := json.Marshal(filled)
	if err != nil {
		return project.Service{}, fmt.Errorf("expand template %s: %w", t.Name, err)
	}
	decoder := json.NewDecoder(bytes.NewReader(encoded))
	decoder.DisallowUnknownFields()
	var s project.Service
	if err := decoder.Decode(&s); err != nil {
		return project.Service{}, fault.New(fault.Invalid, "template %s: service %s: %v; correct the template", t.Name, name, err)
	}
	if kind := s.Source(); kind != project.SourceBuild && kind != project.SourceImage {
		return project.Service{}, fault.New(fault.Invalid, "template %s: service %s: its source is %q, and a template's service has build or image; correct the template", t.Name, name, kind)
	}
	return s, nil
}

// textual makes text of every value: environment variables have no other type.
func textual(env any) {
	if values, ok := env.(map[string]any); ok {
		for key, value := range values {
			values[key] = text(value)
		}
	}
}

// whenKey makes a mapping disappear, from its list or its key, when the
// parameter that it names is false, empty or 0.
const whenKey = "$when"

// fill replaces parameters in a tree; false means that the value disappears.
func fill(value any, values map[string]any) (any, bool, error) {
	switch value := value.(type) {
	case string:
		filled, err := fillText(value, values)
		return filled, true, err
	case []any:
		return fillList(value, values)
	case map[string]any:
		return fillMap(value, values)
	}
	return value, true, nil
}

func fillList(list []any, values map[string]any) (any, bool, error) {
	filled := []any{}
	for _, child := range list {
		one, keep, err := fill(child, values)
		if err != nil {
			return nil, false, err
		}
		if keep {
			filled = append(filled, one)
		}
	}
	return filled, true, nil
}

func fillMap(m map[string]any, values map[string]any) (any, bool, error) {
	if condition, given := m[whenKey]; given {
		decider, known := values[text(condition)]
		if !known {
			return nil, false, fmt.Errorf("%s names %q, which is no parameter", whenKey, text(condition))
		}
		if zero := text(decider); zero == "false" || zero == "" || zero == "0" {
			return nil, false, nil
		}
	}
	filled := map[string]any{}
	for key, child := range m {
		if key == whenKey {
			continue
		}
		one, keep, err := fill(child, values)
		if err != nil {
			return nil, false, err
		}
		if keep {
			filled[key] = one
		}
	}
	if inner, only := filled["$value"]; only && len(filled) == 1 {
		return inner, true, nil
	}
	return filled, true, nil
}

var variable = regexp.MustCompile(`\$\{([a-zA-Z][a-zA-Z0-9]*)\}`)

// fillText replaces ${name}. Text that is nothing but one parameter takes the
// parameter's own type.
func fillText(s string, values map[string]any) (any, error) {
	if whole := variable.FindStringSubmatch(s); whole != nil && whole[0] == s {
		value, known := values[whole[1]]
		if !known {
			return nil, fmt.Errorf("${%s} is no parameter", whole[1])
		}
		return value, nil
	}
	var unknown error
	filled := variable.ReplaceAllStringFunc(s, func(found string) string {
		name := found[2 : len(found)-1]
		value, known := values[name]
		if !known {
			unknown = fmt.Errorf("%s is no parameter", found)
		}
		return text(value)
	})
	return filled, unknown
}

// besides lays what the project file says over what the template says.
func besides(s, given project.Service) project.Service {
	if given.Routes != nil {
		s.Routes = given.Routes
	}
	if given.Scale != nil {
		s.Scale = given.Scale
	}
	if given.Resources.CPU != "" {
		s.Resources.CPU = given.Resources.CPU
	}
	if given.Resources.Memory != "" {
		s.Resources.Memory = given.Resources.Memory
	}
	if len(given.Env) > 0 {
		env := maps.Clone(s.Env)
		if env == nil {
			env = map[string]string{}
		}
		for key, value := range given.Env {
			env[key] = workload.Literal(value)
		}
		s.Env = env
	}
	s.Secrets = append(s.Secrets, given.Secrets...)
	if given.Security != nil {
		s.Security = given.Security
	}
	s.Deadline = given.Deadline
	return s
}
