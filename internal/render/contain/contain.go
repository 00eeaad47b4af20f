package contain

import (
	"fmt"
	"strings"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
)

// Policy is what pods are completed to.
type Policy struct {
	PodSecurity v1alpha1.PodSecurity
	// ServiceTokens leaves it to pods whether they hold a token of their service
	// account.
	ServiceTokens bool
}

// Addition is a field that a pod lacks. All that Path goes through exists.
type Addition struct {
	Path  []any // from the object: names of fields, and indexes of lists
	Value any
}

// Pointer returns the path as a JSON pointer.
func (a Addition) Pointer() string {
	var b strings.Builder
	for _, step := range a.Path {
		fmt.Fprintf(&b, "/%v", step)
	}
	return b.String()
}

// Missing returns what the pods of an object lack; nothing of what is no
// workload, or malformed.
func (p Policy) Missing(object map[string]any) []Addition {
	path := podPath(object)
	spec, isPod := at(object, path).(map[string]any)
	if path == nil || !isPod {
		return nil
	}
	m := missing{}
	if !p.ServiceTokens {
		m.add(spec, path, "automountServiceAccountToken", false)
	}
	if p.PodSecurity.Contained() {
		m.contain(spec, path)
	}
	return m.additions
}

// Complete sets what the pods of an object lack.
func (p Policy) Complete(object map[string]any) {
	for _, addition := range p.Missing(object) {
		last := len(addition.Path) - 1
		parent, _ := at(object, addition.Path[:last]).(map[string]any)
		parent[addition.Path[last].(string)] = addition.Value
	}
}

// podPath returns where the spec of the pods is that a workload makes, nil when
// it makes none.
func podPath(object map[string]any) []any {
	apiVersion, _ := object["apiVersion"].(string)
	kind, _ := object["kind"].(string)
	group, _, _ := strings.Cut(apiVersion, "/")
	switch group + " " + kind {
	case "apps Deployment", "apps StatefulSet", "apps DaemonSet", "apps ReplicaSet", "batch Job":
		return []any{"spec", "template", "spec"}
	case "batch CronJob":
		return []any{"spec", "jobTemplate", "spec", "template", "spec"}
	}
	return nil
}

// missing gathers additions.
type missing struct{ additions []Addition }

// contain adds what the level contained demands.
func (m *missing) contain(spec map[string]any, path []any) {
	m.add(spec, path, "hostUsers", false)
	m.context(spec, path, field{"seccompProfile", map[string]any{"type": "RuntimeDefault"}})
	for _, list := range []string{"initContainers", "containers"} {
		containers, _ := spec[list].([]any)
		for i, entry := range containers {
			if container, isMap := entry.(map[string]any); isMap {
				path := extend(path, list, i)
				m.context(container, path, field{"allowPrivilegeEscalation", false}, field{"capabilities", usual()})
				m.capabilities(container, path)
			}
		}
	}
}

// add adds a field unless the parent says something in it.
func (m *missing) add(parent map[string]any, path []any, name string, value any) {
	if parent[name] == nil {
		m.additions = append(m.additions, Addition{Path: extend(path, name), Value: value})
	}
}

// field is a field of a security context.
type field struct {
	name  string
	value any
}

// context adds fields to the security context of a pod or container.
func (m *missing) context(parent map[string]any, path []any, fields ...field) {
	switch context := parent["securityContext"].(type) {
	case nil:
		all := map[string]any{}
		for _, field := range fields {
			all[field.name] = field.value
		}
		m.add(parent, path, "securityContext", all)
	case map[string]any:
		for _, field := range fields {
			m.add(context, extend(path, "securityContext"), field.name, field.value)
		}
	}
}

// capabilities drops of a container's capabilities what nobody mentioned. Where
// some are added, those stay that containers usually have; where some are
// dropped, that is all.
func (m *missing) capabilities(container map[string]any, path []any) {
	path = extend(path, "securityContext", "capabilities")
	capabilities, given := at(container, path[len(path)-2:]).(map[string]any)
	if !given || isSet(capabilities["drop"]) {
		return
	}
	if isSet(capabilities["add"]) {
		m.additions = append(m.additions, Addition{Path: extend(path, "drop"), Value: beyond()})
		return
	}
	m.additions = append(m.additions, Addition{Path: path, Value: usual()})
}

// usual are the capabilities of a container that says nothing of them.
func usual() map[string]any {
	return map[string]any{"drop": []any{"ALL"}, "add": anyOf(v1alpha1.DefaultCapabilities())}
}

// beyond are the capabilities that runtimes give by themselves, and the level
// doesn't.
func beyond() []any {
	return []any{"AUDIT_WRITE", "MKNOD", "NET_RAW", "SETFCAP", "SYS_CHROOT"}
}

func anyOf(texts []string) []any {
	var all []any
	for _, text := range texts {
		all = append(all, text)
	}
	return all
}

func isSet(list any) bool {
	elements, isList := list.([]any)
	return list != nil && (!isList || len(elements) > 0)
}

// extend returns the path with further steps, as one of its own.
func extend(path []any, steps ...any) []any {
	return append(append(make([]any, 0, len(path)+len(steps)), path...), steps...)
}

// at returns what a path of an object leads to, nil when there is nothing.
func at(value any, path []any) any {
	for _, step := range path {
		switch step := step.(type) {
		case string:
			fields, _ := value.(map[string]any)
			value = fields[step]
		case int:
			elements, _ := value.([]any)
			if step >= len(elements) {
				return nil
			}
			value = elements[step]
		}
	}
	return value
}
