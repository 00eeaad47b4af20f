package projectfile

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/projectfile/grammar"
	"github.com/slipway-dev/slipway/internal/projectfile/syntax"
)

// Effective returns the services of a stage rule by name: defaults, overlaid
// by the service, overlaid by its override for the rule. A rule without
// overrides, or no rule at all, gives the plain services. Previews take those
// of the rule that they come from.
func (doc *Document) Effective(rule string) map[string]project.Service {
	services := map[string]project.Service{}
	r, g := syntax.NewReport(doc.name), doc.grammar
	doc.eachEffective(rule, func(name string, n *syntax.Node) {
		var service project.Service
		grammar.Decode(r, g, n, &service)
		services[name] = service
	})
	return services
}

func (doc *Document) eachEffective(rule string, visit func(name string, n *syntax.Node)) {
	services := doc.root.Get("services")
	for _, e := range services.Entries {
		n := grammar.ForStage(e.Value, rule)
		visit(e.Key, syntax.Merge(serviceDefaults(n), n))
	}
}

// Value is one effective value with where it comes from.
type Value struct {
	// Path is where the value belongs: services.web.scale.min.
	Path string `json:"path"`
	// Value is nil, a bool, int64, float64, string, []any or, when empty, a
	// map.
	Value any `json:"value"`
	// Origin is "default", or the path and place where it was written:
	// "services.web.port slipway.yaml:12:5".
	Origin string `json:"origin"`
}

// String returns path = value (origin).
func (v Value) String() string {
	text, err := json.Marshal(v.Value)
	if err != nil {
		text = []byte(err.Error())
	}
	return fmt.Sprintf("%s = %s (%s)", v.Path, text, v.Origin)
}

// Explain returns every effective value of a stage rule's services, sorted by
// path; lists are one value.
func (doc *Document) Explain(rule string) []Value {
	var values []Value
	doc.eachEffective(rule, func(name string, n *syntax.Node) {
		values = append(values, doc.home(name).explain(syntax.Join("services", name), n)...)
	})
	return sorted(values)
}

// ExplainService returns the effective values of one service; prefix narrows
// them to a part, like "env".
func (doc *Document) ExplainService(rule, service, prefix string) []Value {
	var values []Value
	doc.eachEffective(rule, func(name string, n *syntax.Node) {
		if name == service {
			values = doc.home(name).explain(syntax.Join("services", name), n)
		}
	})
	start := syntax.Join("services", service) + "."
	if prefix != "" {
		start += prefix
	}
	return sorted(slices.DeleteFunc(values, func(v Value) bool {
		rest, ok := strings.CutPrefix(v.Path, start)
		return !ok || prefix != "" && rest != "" && rest[0] != '.' && rest[0] != '['
	}))
}

// ExplainStage returns the values of a stage rule itself, nil when there is no
// such rule.
func (doc *Document) ExplainStage(rule string) []Value {
	index := slices.IndexFunc(doc.File.Stages, func(s project.Stage) bool { return s.Name == rule })
	if index < 0 {
		return nil
	}
	stage := doc.File.Stages[index]
	defaults := syntax.NewMap("rollback", syntax.NewString(DefaultRollback), "onDelete", syntax.NewString(defaultOnDelete(stage)))
	written := doc.root.Get("stages").Items[index]
	return sorted(doc.explain(syntax.Join("stages", rule), syntax.Merge(defaults, written)))
}

// ExplainPreviews returns the values of the previews, nil when there are none.
func (doc *Document) ExplainPreviews() []Value {
	if doc.File.Previews == nil {
		return nil
	}
	defaults := syntax.NewMap("forks", syntax.NewString(DefaultPreviewForks), "limit", syntax.NewInteger(DefaultPreviewLimit), "ttl", syntax.NewString(DefaultPreviewTTL))
	return sorted(doc.explain("previews", syntax.Merge(defaults, doc.root.Get("previews"))))
}

func (doc *Document) explain(path string, n *syntax.Node) []Value {
	if n.Kind != syntax.Map || len(n.Entries) == 0 {
		return []Value{{Path: path, Value: n.Plain(), Origin: doc.origin(n)}}
	}
	var values []Value
	for _, e := range n.Entries {
		values = append(values, doc.explain(syntax.Join(path, e.Key), e.Value)...)
	}
	return values
}

func (doc *Document) origin(n *syntax.Node) string {
	if n.At == (syntax.Place{}) {
		return "default"
	}
	return fmt.Sprintf("%s %s:%d:%d", n.Path(), doc.name, n.At.Line, n.At.Column)
}

func sorted(values []Value) []Value {
	slices.SortFunc(values, func(a, b Value) int { return strings.Compare(a.Path, b.Path) })
	return values
}
