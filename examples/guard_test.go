package examples_test

import (
	"context"
	"testing"

	"github.com/slipway-dev/slipway/internal/guard"
	"github.com/slipway-dev/slipway/internal/naming"
	"github.com/slipway-dev/slipway/internal/render"
	"github.com/slipway-dev/slipway/internal/render/hostile"
)

// pin gives every image a digest, as the server does before the guard looks.
func pin(t *testing.T, result render.Result) []byte {
	t.Helper()
	digests := map[string]string{}
	for _, image := range result.Images {
		digests[image] = digest
	}
	pinned, err := render.Pin(result.Manifests, digests)
	if err != nil {
		t.Fatal(err)
	}
	return pinned
}

// TestGuardAcceptsExamples holds rendering and guard to each other: what
// Slipway makes of a decent repository is allowed.
func TestGuardAcceptsExamples(t *testing.T) {
	eachStage(t, func(example string, req render.Request) {
		policy := guard.Policy{Namespace: naming.Namespace(req.Organization, req.Project, req.Stage), PriorityClasses: []string{"production"}}
		findings, err := guard.Check(pin(t, renderStage(t, example, req)), policy)
		if err != nil {
			t.Fatal(err)
		}
		for _, finding := range findings {
			t.Errorf("%s/%s: %+v", example, req.Stage, finding)
		}
	})
}

// TestGuardRefusesHostile gives the guard what hostile repositories render.
func TestGuardRefusesHostile(t *testing.T) {
	for _, c := range hostile.Cases("127.0.0.1:1", "/nonexistent") {
		if len(c.Says) > 0 {
			continue
		}
		t.Run(c.Name, func(t *testing.T) {
			files, err := render.Collect(context.Background(), c.Tree, c.Request, render.DefaultLimits())
			if err != nil {
				t.Fatal(err)
			}
			result, err := render.Render(context.Background(), c.Request, files)
			if err != nil {
				t.Fatal(err)
			}
			policy := guard.Policy{Namespace: naming.Namespace(c.Request.Organization, c.Request.Project, c.Request.Stage)}
			findings, err := guard.Check(pin(t, result), policy)
			if refused := err != nil || len(findings) > 0; refused != c.Guarded {
				t.Errorf("refused is %t, want %t: %v %+v", refused, c.Guarded, err, findings)
			}
		})
	}
}
