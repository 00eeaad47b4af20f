package project

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
)

// Previews are behind the gate where there is one, and say how they sleep and who may see
// them. Where nobody asks for links, a file that wants them asked for is not followed.
func TestPreviewsBehindTheGate(t *testing.T) {
	away := errors.New("away")
	gate := func(is bool, err error) func(context.Context, *v1alpha1.Project) (bool, error) {
		return func(context.Context, *v1alpha1.Project) (bool, error) { return is, err }
	}
	tests := map[string]struct {
		gated    func(context.Context, *v1alpha1.Project) (bool, error)
		previews string // more of previews
		want     string // gated, sleep and access of the preview; empty for none
		says     string // the condition, where there is no preview
	}{
		"no gate":                   {nil, "", "false  link", ""},
		"another cluster":           {gate(false, nil), "", "false  link", ""},
		"a gate":                    {gate(true, nil), "", "true  link", ""},
		"asleep after hours":        {gate(true, nil), ", sleepAfter: 8h", "true 8h0m0s link", ""},
		"public":                    {gate(true, nil), ", access: public", "true  public", ""},
		"links":                     {gate(true, nil), ", access: link", "true  link", ""},
		"links without a gate":      {nil, ", access: link", "", "no gate asks for links"},
		"public, without a gate":    {nil, ", access: public", "false  public", ""},
		"the cluster can't be read": {gate(false, away), "", "", "previews stay as they are"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := newPreviews(t)
			f.Gated = tt.gated
			f.repos.file = strings.Replace(withPreviews, "limit: 2", "limit: 2"+tt.previews, 1)
			f.reconcile(t)
			stage, made := f.preview(t)
			got := ""
			if made {
				sleep := ""
				if stage.Spec.Sleep != nil {
					sleep = stage.Spec.Sleep.After.Duration.String()
				}
				got = map[bool]string{true: "true", false: "false"}[stage.Spec.Gated] + " " + sleep + " " + stage.Spec.Access
			}
			condition := meta.FindStatusCondition(f.project(t).Status.Conditions, v1alpha1.ConditionPreviews)
			if got != tt.want || (condition.Status == metav1.ConditionTrue) != (tt.want != "") || !strings.Contains(condition.Message, tt.says) {
				t.Errorf("%q, want %q; %+v", got, tt.want, condition)
			}
		})
	}
	f := newPreviews(t)
	f.Gated = gate(true, nil)
	f.reconcile(t)
	f.Gated = gate(false, nil)
	f.again(t, time.Minute)
	if stage, _ := f.preview(t); stage.Spec.Gated {
		t.Error("the gate is gone, and the preview is behind it")
	}
}
