//go:build integration

package controller_test

import (
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
)

// refused wants an error with some words; without words it wants none.
func refused(t *testing.T, err error, words string) {
	t.Helper()
	switch {
	case words == "" && err != nil:
		t.Errorf("refused: %v", err)
	case words != "" && err == nil:
		t.Errorf("let through, want %q", words)
	case words != "" && !strings.Contains(err.Error(), words):
		t.Errorf("refused with %v, want %q", err, words)
	}
}

// heldTeam returns a project whose production has a held release by dev.
func heldTeam(t *testing.T, organization string) (*team, v1alpha1.Release) {
	t.Helper()
	p := join(t, organization, siteFiles("  - {name: production, branch: main, protected: true}\n", "hello"), nil)
	p.reaches("production", p.head("main"), v1alpha1.PhaseHeld) // nobody knows who pushed it
	commit := p.push("main", "dev", map[string]string{"deploy/settings.yaml": settings("wanted")})
	return p, p.reaches("production", commit, v1alpha1.PhaseHeld)
}

func TestPeopleCannotForgeReleases(t *testing.T) {
	p, held := heldTeam(t, "forge-releases")
	tests := map[string]struct {
		change func(*v1alpha1.Release)
		want   string
	}{
		"as it should be":     {func(*v1alpha1.Release) {}, ""},
		"by another":          {func(r *v1alpha1.Release) { r.Spec.By = "owner" }, "spec.by must be who asks: dev"},
		"by nobody":           {func(r *v1alpha1.Release) { r.Spec.By = "" }, "spec.by must be who asks: dev"},
		"a push":              {func(r *v1alpha1.Release) { r.Spec.Trigger = v1alpha1.TriggerPush }, "only Slipway makes releases with this trigger"},
		"a push by nobody":    {func(r *v1alpha1.Release) { r.Spec.Trigger, r.Spec.By = v1alpha1.TriggerPush, "" }, "only Slipway makes releases with this trigger"},
		"a return":            {func(r *v1alpha1.Release) { r.Spec.Trigger = v1alpha1.TriggerAutoRollback }, "only Slipway makes releases with this trigger"},
		"with a verdict":      {func(r *v1alpha1.Release) { r.Spec.Verdicts = []v1alpha1.Verdict{verdict("dev", "approve")} }, "a new release has no verdicts"},
		"a number beyond all": {func(r *v1alpha1.Release) { r.Spec.Sequence = 1 << 40 }, "should be less than or equal to 1000000000"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			made := p.newRequest("production", "dev", v1alpha1.TriggerDeploy, nil)
			tt.change(made)
			refused(t, p.as("dev").Create(t.Context(), made, client.DryRunAll), tt.want)
		})
	}
	t.Run("a status", func(t *testing.T) {
		after := held.DeepCopy()
		after.Status.Phase = v1alpha1.PhasePending
		refused(t, env.Client.Status().Patch(t.Context(), after, client.MergeFrom(&held)), "only Slipway writes what it observed")
	})
}

func verdict(by, what string) v1alpha1.Verdict {
	return v1alpha1.Verdict{By: by, Verdict: what, At: metav1.Now().Rfc3339Copy()}
}

func TestPeopleCannotForgeVerdicts(t *testing.T) {
	p, held := heldTeam(t, "forge-verdicts")
	before := held.DeepCopy()
	old := verdict("dev", "approve") // counts nothing: a developer's
	before.Spec.Verdicts = []v1alpha1.Verdict{old}
	if err := p.as("dev").Patch(t.Context(), before, client.MergeFrom(&held)); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		verdicts []v1alpha1.Verdict
		want     string
	}{
		"the own":              {[]v1alpha1.Verdict{old, verdict("boss", "approve")}, ""},
		"another's":            {[]v1alpha1.Verdict{old, verdict("owner", "approve")}, "a new verdict must be by who gives it: boss"},
		"own and another's":    {[]v1alpha1.Verdict{old, verdict("boss", "approve"), verdict("owner", "approve")}, "a new verdict must be by who gives it"},
		"one given before":     {[]v1alpha1.Verdict{old, old}, "a new verdict must be by who gives it"},
		"in front":             {[]v1alpha1.Verdict{verdict("boss", "approve"), old}, "verdicts stay as they are"},
		"another's changed":    {[]v1alpha1.Verdict{{By: "dev", Verdict: "reject", At: old.At}}, "a verdict stays"},
		"another's taken away": {nil, "a verdict stays"},
		"something else":       {[]v1alpha1.Verdict{old, verdict("boss", "maybe")}, "Unsupported value"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			after := before.DeepCopy()
			after.Spec.Verdicts = tt.verdicts
			refused(t, p.as("boss").Patch(t.Context(), after, client.MergeFrom(before), client.DryRunAll), tt.want)
		})
	}
	t.Run("another request", func(t *testing.T) {
		after := before.DeepCopy()
		after.Spec.Head.Actor = "owner"
		refused(t, p.as("boss").Patch(t.Context(), after, client.MergeFrom(before), client.DryRunAll), "immutable but for its verdicts")
	})
}

// extension is one that somebody asks for now.
func extension(by string, d time.Duration) *v1alpha1.Extension {
	now := metav1.Now()
	return &v1alpha1.Extension{By: by, At: now, Until: metav1.NewTime(now.Add(d))}
}

func TestPeopleOnlyPauseAndScaleStages(t *testing.T) {
	p, _ := heldTeam(t, "forge-stages")
	tests := map[string]struct {
		change func(*v1alpha1.Stage)
		want   string
	}{
		"pause":               {func(s *v1alpha1.Stage) { s.Spec.Pause = &v1alpha1.Pause{By: "boss", At: metav1.Now()} }, ""},
		"pause as another":    {func(s *v1alpha1.Stage) { s.Spec.Pause = &v1alpha1.Pause{By: "owner", At: metav1.Now()} }, "spec.pause.by must be who pauses: boss"},
		"scale":               {func(s *v1alpha1.Stage) { s.Spec.Scale = map[string]int32{"web": 3} }, ""},
		"another head":        {func(s *v1alpha1.Stage) { s.Spec.Wanted.Commit = strings.Repeat("a", 40) }, "of a stage are for people"},
		"who pushed":          {func(s *v1alpha1.Stage) { s.Spec.Wanted.Actor = "owner" }, "of a stage are for people"},
		"another rule's file": {func(s *v1alpha1.Stage) { s.Spec.Wanted.FileCommit = strings.Repeat("a", 40) }, "of a stage are for people"},
		"another namespace":   {func(s *v1alpha1.Stage) { s.Spec.Namespace = "kube-system" }, "of a stage are for people"},
		"another rule":        {func(s *v1alpha1.Stage) { s.Spec.Rule = "dev" }, "of a stage are for people"},
		"more resources":      {func(s *v1alpha1.Stage) { s.Spec.Resources.CPU = "64" }, "of a stage are for people"},
		"extend":              {func(s *v1alpha1.Stage) { s.Spec.Extension = extension("boss", time.Hour) }, ""},
		"extend as another":   {func(s *v1alpha1.Stage) { s.Spec.Extension = extension("owner", time.Hour) }, "spec.extension.by must be who extends: boss"},
		"extend for ever":     {func(s *v1alpha1.Stage) { s.Spec.Extension = extension("boss", 721*time.Hour) }, "extended by 720h at most"},
		"a fork":              {func(s *v1alpha1.Stage) { s.Spec.Fork = true }, "of a stage are for people"},
		"a preview":           {func(s *v1alpha1.Stage) { s.Spec.PullRequest = 7 }, "of a stage are for people"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			stage, err := p.stage("production")
			if err != nil {
				t.Fatal(err)
			}
			after := stage.DeepCopy()
			tt.change(after)
			refused(t, p.as("boss").Patch(t.Context(), after, client.MergeFrom(stage), client.DryRunAll), tt.want)
		})
	}
	t.Run("a new stage", func(t *testing.T) {
		stage, err := p.stage("production")
		if err != nil {
			t.Fatal(err)
		}
		made := &v1alpha1.Stage{ObjectMeta: metav1.ObjectMeta{Namespace: stage.Namespace, Name: "made-by-hand"}, Spec: stage.Spec}
		refused(t, env.Client.Create(t.Context(), made, client.DryRunAll), "Slipway makes stages from the project file")
	})
	t.Run("a status", func(t *testing.T) {
		stage, err := p.stage("production")
		if err != nil {
			t.Fatal(err)
		}
		after := stage.DeepCopy()
		after.Status.Scale = map[string]int32{"web": 100}
		refused(t, env.Client.Status().Patch(t.Context(), after, client.MergeFrom(stage)), "only Slipway writes what it observed")
	})
	t.Run("a member's pause", func(t *testing.T) {
		member, err := env.Person(t.Context(), p.Project, "guest", "slipway-member")
		if err != nil {
			t.Fatal(err)
		}
		stage, err := p.stage("production")
		if err != nil {
			t.Fatal(err)
		}
		after := stage.DeepCopy()
		after.Spec.Pause = &v1alpha1.Pause{By: "guest", At: metav1.Now()}
		refused(t, member.Patch(t.Context(), after, client.MergeFrom(stage)), "forbidden")
	})
}

// A part of a stage's spec can be applied from a file that says nothing else.
func TestPeopleApplyAPartOfAStage(t *testing.T) {
	p, _ := heldTeam(t, "forge-part")
	stage, err := p.stage("production")
	if err != nil {
		t.Fatal(err)
	}
	applied := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{"scale": map[string]any{"web": int64(3)}}}}
	applied.SetGroupVersionKind(v1alpha1.GroupVersion().WithKind("Stage"))
	applied.SetNamespace(stage.Namespace)
	applied.SetName(stage.Name)
	refused(t, p.as("boss").Apply(t.Context(), client.ApplyConfigurationFromUnstructured(applied), client.FieldOwner("boss"), client.DryRunAll), "")
}

// Every field of a stage's spec that the policy does not name could be changed
// by anybody.
func TestPolicyNamesEveryFieldOfAStage(t *testing.T) {
	policy, err := os.ReadFile("../../charts/slipway/templates/admission.yaml")
	if err != nil {
		t.Fatal(err)
	}
	spec := reflect.TypeFor[v1alpha1.StageSpec]()
	for i := range spec.NumField() {
		name, _, _ := strings.Cut(spec.Field(i).Tag.Get("json"), ",")
		if name == "pause" || name == "scale" {
			continue
		}
		if !strings.Contains(string(policy), "object.spec."+name+" == oldObject.spec."+name) {
			t.Errorf("charts/slipway/templates/admission.yaml lets people change spec.%s of a stage; compare it there", name)
		}
	}
}
