package workload_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/render/workload"
)

// expand is what the kubelet makes of a text, with a variable of every name.
func expand(text string) string {
	var out strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] != '$' || i+1 == len(text) {
			out.WriteByte(text[i])
			continue
		}
		i++
		end := strings.IndexByte(text[i:], ')')
		switch {
		case text[i] == '$':
			out.WriteByte('$')
		case text[i] == '(' && end > 0:
			out.WriteString("EXPANDED")
			i += end
		default:
			out.WriteByte('$')
			out.WriteByte(text[i])
		}
	}
	return out.String()
}

// Whatever the file says reaches the process.
func TestLiteral(t *testing.T) {
	for _, text := range []string{"", "plain", "$HOME", "${HOME}", "p$$w", "$(whoami)", "$$(whoami)", "$$$", "$", "a$(", "$(A)$(B)", "$$$(A)"} {
		if got := expand(workload.Literal(text)); got != text {
			t.Errorf("%q reaches the process as %q, written as %q", text, got, workload.Literal(text))
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[a$()]{0,12}`).Draw(t, "text")
		if got := expand(workload.Literal(text)); got != text {
			t.Errorf("%q reaches the process as %q", text, got)
		}
	})
}

// Every text of a service that Kubernetes expands is written for it, but those of
// templates, which mean it.
func TestTextsAreLiteral(t *testing.T) {
	const text, escaped = "$(A) p$$w", "$$(A) p$$$w"
	service := project.Service{
		Port: 80, Command: []string{text}, Args: []string{text}, Env: map[string]string{"B": text},
		Health: &project.Health{Command: []string{text}}, Release: &project.Hook{Command: []string{text}},
	}
	for name, tt := range map[string]struct {
		change func(*workload.Input)
		texts  int
	}{
		"serves":        {func(*workload.Input) {}, 3 + 3 + 2}, // health is asked by three probes; the release command has the variable
		"keeps volumes": {func(in *workload.Input) { in.Service.Volumes = []project.Volume{{Path: "/data", Size: "1Gi"}} }, 8},
		"scheduled": {func(in *workload.Input) {
			in.Service.Schedule, in.Service.Health, in.Service.Release = "0 3 * * *", nil, nil
		}, 3},
		"runs once": {func(in *workload.Input) { in.Once, in.Service.Health, in.Service.Release = &workload.Once{}, nil, nil }, 3},
	} {
		t.Run(name, func(t *testing.T) {
			for _, expands := range []bool{false, true} {
				in := workload.Input{Name: "web", Image: "registry.example/web:1", Service: service}
				in.Expands = expands
				tt.change(&in)
				objects, _, err := workload.Objects(in)
				if err != nil {
					t.Fatal(err)
				}
				var all []string
				for _, object := range objects {
					body, err := workload.Encode(object.Body)
					if err != nil {
						t.Fatal(err)
					}
					var tree any
					if err := json.Unmarshal(body, &tree); err != nil {
						t.Fatal(err)
					}
					all = append(all, dollars(tree)...)
				}
				want := escaped
				if expands {
					want = text
				}
				if len(all) != tt.texts || slices.ContainsFunc(all, func(got string) bool { return got != want }) {
					t.Errorf("expands %t: %d texts, want %d of %q: %q", expands, len(all), tt.texts, want, all)
				}
			}
		})
	}
	if service.Command[0] != text || service.Env["B"] != text || service.Health.Command[0] != text {
		t.Error("the service itself was changed")
	}
}

// dollars returns the texts with a $ in a tree.
func dollars(tree any) []string {
	var all []string
	switch tree := tree.(type) {
	case string:
		if strings.Contains(tree, "$") {
			all = append(all, tree)
		}
	case []any:
		for _, item := range tree {
			all = append(all, dollars(item)...)
		}
	case map[string]any:
		for _, item := range tree {
			all = append(all, dollars(item)...)
		}
	}
	return all
}
