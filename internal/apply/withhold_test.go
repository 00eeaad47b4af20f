package apply

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/apply/cause"
	"github.com/slipway-dev/slipway/internal/apply/inventory"
	"github.com/slipway-dev/slipway/internal/apply/refusal"
	"github.com/slipway-dev/slipway/internal/fault"
)

// of puts a manifest into a service, with the services whose Jobs it waits for.
func of(service, manifest string, after ...string) string {
	metadata := fmt.Sprintf("labels: {slipway.dev/service: %q}", service)
	if len(after) > 0 {
		metadata += fmt.Sprintf("\n  annotations: {slipway.dev/after: %q}", strings.Join(after, ","))
	}
	return strings.Replace(manifest, "metadata:\n", "metadata:\n  "+metadata+"\n", 1)
}

func TestWithhold(t *testing.T) {
	web, worker, db := configMap("web", "1"), configMap("worker", "1"), configMap("db", "1")
	immutable := func(r inventory.Ref) error {
		return refusal.New(r, cause.Immutable, fault.Invalid, "it can't change", "take it back")
	}
	tests := map[string]struct {
		documents []string
		refused   map[string]error // by name; of the object that is meant
		repair    bool
		withheld  string // the services that are left
		applied   string // the objects that are applied
		whole     string // words of the error that refuses all
	}{
		"nothing is refused":            {documents: []string{of("web", web)}, applied: "web"},
		"one of three":                  {documents: []string{of("web", web), of("worker", worker), of("db", db)}, refused: map[string]error{"db": nil}, withheld: "db", applied: "web worker"},
		"with the rest of its service":  {documents: []string{of("db", web), of("worker", worker), of("db", db)}, refused: map[string]error{"db": nil}, withheld: "db", applied: "worker"},
		"all of them":                   {documents: []string{of("db", db)}, refused: map[string]error{"db": nil}, whole: "it can't change"},
		"who waits for it":              {documents: []string{of("web", web, "worker"), of("worker", worker, "db"), of("db", db), of("mail", configMap("mail", "1"))}, refused: map[string]error{"db": nil}, withheld: "db web worker", applied: "mail"},
		"who waits for another":         {documents: []string{of("web", web, "worker"), of("worker", worker), of("db", db)}, refused: map[string]error{"db": nil}, withheld: "db", applied: "web worker"},
		"what they have in common":      {documents: []string{web, of("worker", worker), of("db", db)}, refused: map[string]error{"db": nil}, withheld: "db", applied: "web worker"},
		"nothing but what is common":    {documents: []string{web, of("db", db)}, refused: map[string]error{"db": nil}, whole: "it can't change"},
		"refused what they have common": {documents: []string{of("web", web), db}, refused: map[string]error{"db": nil}, whole: "it can't change"},
		"the cluster is away":           {documents: []string{of("web", web), of("db", db)}, refused: map[string]error{"db": refusal.New(inventory.Ref{Kind: "ConfigMap", Name: "db"}, cause.Unavailable, fault.Unavailable, "no answer", "")}, whole: "no answer"},
		"an error about no object":      {documents: []string{of("web", web), of("db", db)}, refused: map[string]error{"db": errors.New("cut")}, whole: "cut"},
		"a repair says it and goes on":  {documents: []string{of("web", web), of("db", db)}, refused: map[string]error{"db": nil}, repair: true, applied: "web", whole: "it can't change"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := &run{}
			if tt.repair {
				r.repair = &Repair{}
			}
			var problems []refused
			for _, manifest := range tt.documents {
				c := &change{document: parsed(t, manifest), action: actionPatch}
				err, isRefused := tt.refused[c.document.Ref.Name]
				if !isRefused {
					r.work.changes = append(r.work.changes, c)
					continue
				}
				if err == nil {
					err = immutable(c.document.Ref)
				}
				problems = append(problems, refused{c, err})
			}
			err := r.withhold(problems)
			if (err != nil) != (tt.whole != "") || err != nil && !strings.Contains(err.Error(), tt.whole) {
				t.Fatalf("error %v, want one about %q", err, tt.whole)
			}
			if tt.whole != "" && !tt.repair {
				return
			}
			var applied, left []string
			for _, c := range r.work.changes {
				applied = append(applied, c.document.Ref.Name)
			}
			if r.partial != nil {
				for service, why := range r.partial.Services {
					left = append(left, service)
					if !strings.Contains(r.partial.Error(), "service "+service+" is left as it was: "+why) {
						t.Errorf("it says %q, and nothing of %s", r.partial, service)
					}
				}
				if code := fault.CodeOf(r.partial); code != fault.Invalid {
					t.Errorf("code %s", code)
				}
			}
			slices.Sort(left)
			slices.Sort(applied)
			if diff := cmp.Diff([]string{tt.withheld, tt.applied}, []string{strings.Join(left, " "), strings.Join(applied, " ")}); diff != "" {
				t.Errorf("left and applied (-want +got):\n%s", diff)
			}
		})
	}
}

func TestGrownTemplates(t *testing.T) {
	one := func(name, size, more string) map[string]any {
		object := map[string]any{"accessModes": []any{"ReadWriteOnce"}, "resources": map[string]any{"requests": map[string]any{"storage": size}}}
		if more != "" {
			key, value, _ := strings.Cut(more, "=")
			object[key] = value
		}
		return map[string]any{"metadata": map[string]any{"name": name}, "spec": object}
	}
	templates := func(list ...any) []template { return templatesOf(map[string]any{"volumeClaimTemplates": list}) }
	tests := map[string]struct {
		before, after []template
		grown         string
		ok            bool
	}{
		"grows":           {templates(one("data", "1Gi", "volumeMode=Filesystem")), templates(one("data", "2Gi", "")), "data", true},
		"one of two":      {templates(one("data", "1Gi", ""), one("log", "1Gi", "")), templates(one("data", "1024Mi", ""), one("log", "1.5Gi", "")), "log", true},
		"written anew":    {templates(one("data", "1Gi", "")), templates(one("data", "1024Mi", "")), "", true},
		"shrinks":         {templates(one("data", "2Gi", "")), templates(one("data", "1Gi", "")), "", false},
		"another name":    {templates(one("data", "1Gi", "")), templates(one("files", "2Gi", "")), "", false},
		"another class":   {templates(one("data", "1Gi", "storageClassName=slow")), templates(one("data", "2Gi", "storageClassName=fast")), "", false},
		"default class":   {templates(one("data", "1Gi", "storageClassName=slow")), templates(one("data", "2Gi", "")), "data", true},
		"another mode":    {templates(one("data", "1Gi", "volumeMode=Filesystem")), templates(one("data", "2Gi", "volumeMode=Block")), "", false},
		"one more":        {templates(one("data", "1Gi", "")), templates(one("data", "2Gi", ""), one("log", "1Gi", "")), "", false},
		"none any more":   {templates(one("data", "1Gi", "")), nil, "", false},
		"no size at all":  {templates(one("data", "1Gi", "")), templates(map[string]any{"metadata": map[string]any{"name": "data"}}), "", false},
		"not even a list": {nil, templatesOf(map[string]any{"volumeClaimTemplates": "x"}), "", true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			grown, ok := grownTemplates(tt.before, tt.after)
			var names []string
			for _, g := range grown {
				names = append(names, g.name)
			}
			if strings.Join(names, " ") != tt.grown && ok || ok != tt.ok {
				t.Errorf("%v grow, only: %t; want %q, %t", names, ok, tt.grown, tt.ok)
			}
		})
	}
}
