//go:build integration

package apply

import (
	"cmp"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/internal/apply/cause"
	"github.com/slipway-dev/slipway/internal/apply/cluster"
	"github.com/slipway-dev/slipway/internal/apply/diff"
	"github.com/slipway-dev/slipway/internal/apply/inventory"
	"github.com/slipway-dev/slipway/internal/apply/refusal"
	"github.com/slipway-dev/slipway/internal/fault"
)

// refused applies and returns the first object's problem.
func (s *stage) refused(manifests string) *refusal.ObjectError {
	s.t.Helper()
	s.traffic.spent()
	_, err := s.applier.Apply(s.t.Context(), s.set(manifests))
	var failure *refusal.Failure
	if !errors.As(err, &failure) {
		s.t.Fatalf("apply: %v, want a failure about objects", err)
	}
	if spent := s.traffic.spent(); strings.Contains(spent, "PATCH=") && len(strings.Split(manifests, "---\n")) > 2 {
		s.t.Errorf("something was written although the set is refused: %s", spent)
	}
	if fault.CodeOf(err) != failure.Objects[0].Code {
		s.t.Errorf("code %s, want %s", fault.CodeOf(err), failure.Objects[0].Code)
	}
	return failure.Objects[0]
}

func TestForeignObjectIsNotTouched(t *testing.T) {
	s := newStage(t)
	s.other(configMap("settings", "theirs"))
	problem := s.refused(manifests(configMap("settings", "ours"), configMap("more", "ours")))
	if problem.Reason != cause.Foreign || !strings.Contains(problem.Words, "somebody") {
		t.Errorf("problem: %v", problem)
	}
	s.eventually("configmap/settings")

	adopting := strings.Replace(configMap("settings", "ours"), "  name: settings", "  name: settings\n  annotations: {slipway.dev/adopt: \"true\"}", 1)
	report := s.apply(manifests(adopting, configMap("more", "ours")))
	if len(report.Adopted) != 1 || s.field("cm/settings", ".data.key") != "ours" {
		t.Errorf("adopted: %+v", report)
	}
	s.apply(manifests(configMap("more", "ours")))
	s.prune()
	s.eventually("configmap/more")
}

func TestObjectOfAnotherStageIsNotTouchedEvenOnRequest(t *testing.T) {
	s := newStage(t)
	s.apply(manifests(configMap("settings", "dev")))
	owner := s.owner
	s.owner.Stage = "production"
	adopting := strings.Replace(configMap("settings", "production"), "  name: settings", "  name: settings\n  annotations: {slipway.dev/adopt: \"true\"}", 1)
	problem := s.refused(manifests(adopting))
	if problem.Reason != cause.Foreign || !strings.Contains(problem.Words, "another stage") {
		t.Errorf("problem: %v", problem)
	}
	s.owner = owner
}

// Somebody makes an object between our look and our write.
func TestObjectMadeMeanwhileKeepsItsFields(t *testing.T) {
	s := newStage(t)
	s.traffic.before = func(verb string) {
		if verb == "inventory POST" { // after all looks and checks
			s.traffic.before = nil
			s.other("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {theirs: x}\n")
		}
	}
	_, err := s.applier.Apply(t.Context(), s.set(manifests(configMap("settings", "ours"), configMap("more", "ours"))))
	var failure *refusal.Failure
	if !errors.As(err, &failure) || failure.Objects[0].Reason != cause.Foreign {
		t.Fatalf("apply: %v, want a foreign object", err)
	}
	if got := s.field("cm/settings", ".data") + s.field("cm/settings", ".metadata.labels"); got != `{"theirs":"x"}` {
		t.Errorf("their object is %s", got)
	}
}

func TestForeignFieldsAreLeftAlone(t *testing.T) {
	s := newStage(t)
	s.apply(manifests(configMap("settings", "1"), deployment("web", "registry.example/web:1", 2)))
	s.patch("cm/settings", "", `{"data":{"theirs":"x"},"metadata":{"annotations":{"note":"theirs"}}}`)
	s.kubectl("", "patch", "deploy/web", "-p", `{"spec":{"template":{"spec":{"containers":[{"name":"sidecar","image":"registry.example/sidecar:1"}]}}}}`)
	if report := s.apply(manifests(configMap("settings", "1"), deployment("web", "registry.example/web:1", 2))); report.Unchanged != 2 {
		t.Errorf("foreign fields were taken for drift: %+v", report)
	}
	s.apply(manifests(configMap("settings", "2"), deployment("web", "registry.example/web:2", 2)))
	if got := s.field("cm/settings", ".data"); got != `{"key":"2","theirs":"x"}` {
		t.Errorf("data: %s", got)
	}
	if got := s.field("deploy/web", ".spec.template.spec.containers[*].name"); got != "main sidecar" && got != "sidecar main" {
		t.Errorf("containers: %s", got)
	}
}

func TestDriftIsRepaired(t *testing.T) {
	drifts := map[string]func(*stage){
		"edited": func(s *stage) {
			s.patch("cm/settings", "", `{"data":{"key":"theirs"}}`)
		},
		"key removed": func(s *stage) { s.patch("cm/settings", "", `{"data":null}`) },
		"deleted":     func(s *stage) { s.remove("cm/settings") },
		"label taken": func(s *stage) { s.kubectl("", "label", "cm/settings", "slipway.dev/stage-") },
		"all labels": func(s *stage) {
			s.patch("cm/settings", "", `{"metadata":{"labels":null}}`)
		},
		"forced": func(s *stage) {
			s.kubectl(configMap("settings", "theirs"), "apply", "--server-side", "--force-conflicts", "--field-manager=other", "-f", "-")
		},
		"scaled": func(s *stage) { s.patch("deploy/web", "scale", `{"spec":{"replicas":7}}`) },
		"image":  func(s *stage) { s.kubectl("", "set", "image", "deploy/web", "main=registry.example/other:1") },
		"no ownership": func(s *stage) {
			s.patch("cm/settings", "", `{"metadata":{"managedFields":[{}]}}`)
		},
	}
	all := manifests(configMap("settings", "1"), deployment("web", "registry.example/web:1", 2), service("web", 80))
	for name, drift := range drifts {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			s.apply(all)
			drift(s)
			report := s.apply(all)
			if len(report.Repaired) != 1 || report.Unchanged != 2 {
				t.Errorf("report: %+v", report)
			}
			if got := s.field("cm/settings", ".data") + s.field("deploy/web", ".spec.replicas") + s.field("deploy/web", ".spec.template.spec.containers[0].image"); got != `{"key":"1"}2registry.example/web:1` {
				t.Errorf("after the repair: %s", got)
			}
			s.traffic.spent()
			if report := s.apply(all); report.Unchanged != 3 {
				t.Errorf("not settled: %+v", report)
			}
		})
	}
}

// Whatever somebody copies onto an object, it is not the stage's: it is neither taken
// over, nor set back, nor pruned, nor deleted with the stage.
func TestCopiesAreSomebodyElses(t *testing.T) {
	anew := func(s *stage) { // labels, annotations and our field manager, as a whole
		s.kubectl(s.kubectl("", "get", "cm/settings", "-o", "yaml", "--show-managed-fields"), "replace", "--force", "-f", "-")
	}
	applied := func(s *stage) { // by another tool that calls itself slipway
		manifest := s.kubectl("", "get", "cm/settings", "-o", "jsonpath={.metadata.annotations}")
		s.remove("cm/settings")
		s.kubectl("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: settings\n  annotations: "+cmp.Or(manifest, "{}")+"\n  labels: "+s.labels()+"\ndata: {key: \"1\"}\n",
			"apply", "--server-side", "--field-manager=slipway", "-f", "-")
	}
	for name, copied := range map[string]func(*stage){"made anew": anew, "applied as slipway": applied} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			first := manifests(configMap("settings", "1"), configMap("more", "1"))
			s.apply(first)
			copied(s)
			theirs := s.field("cm/settings", ".metadata.uid")
			if problem := s.refused(manifests(configMap("settings", "2"), configMap("more", "1"))); problem.Reason != cause.Foreign || !strings.Contains(problem.Words, "made in its place") {
				t.Errorf("another set: %v", problem)
			}
			if problem := s.refused(first); problem.Reason != cause.Foreign {
				t.Errorf("the same set: %v", problem)
			}
			drifts, err := s.applier.Drift(t.Context(), s.owner)
			if err != nil || len(drifts) != 1 || drifts[0].Kind != inventory.DriftDeleted {
				t.Errorf("drift: %+v, %v", drifts, err)
			}
			if _, err := s.applier.Repair(t.Context(), Repair{Owner: s.owner, Cluster: "test", Namespace: s.namespace, Manifests: [][]byte{[]byte(first)}}); fault.CodeOf(err) != fault.Conflict {
				t.Errorf("repair: %v, want a conflict", err)
			}
			s.apply(manifests(configMap("more", "1")))
			if removal := s.prune(); len(removal.Deleted) != 0 || len(removal.Left) != 1 {
				t.Errorf("pruned: %+v", removal)
			}
			if got := s.field("cm/settings", ".metadata.uid") + s.field("cm/settings", ".data.key"); got != theirs+"1" {
				t.Errorf("theirs was changed to %s", got)
			}
		})
	}
}

// labels returns the labels that name the stage, as anybody can write them.
func (s *stage) labels() string {
	labels, err := json.Marshal(s.owner.Labels())
	if err != nil {
		s.t.Fatal(err)
	}
	return string(labels)
}

// When a crash came before a UID was recorded, an object that somebody made meanwhile
// is theirs, whatever it carries.
func TestCopyInPlaceOfAnIntent(t *testing.T) {
	s := newStage(t)
	first := manifests(configMap("settings", "1"), configMap("more", "1"))
	s.traffic.cut(1, false) // the intent is recorded, and nothing made
	if _, err := s.applier.Apply(t.Context(), s.set(first)); err == nil {
		t.Fatal("nothing was cut")
	}
	s.traffic.heal()
	s.restart()
	s.kubectl("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: settings\n  labels: "+s.labels()+"\ndata: {key: \"1\"}\n", "apply", "--server-side", "--field-manager=slipway", "-f", "-")
	if problem := s.refused(first); problem.Reason != cause.Foreign {
		t.Errorf("%v", problem)
	}
	s.apply(manifests(configMap("more", "1")))
	s.prune()
	s.eventually("configmap/more", "configmap/settings")
}

// The mark of an intent goes with the next change, and is no difference before.
func TestIntentGoes(t *testing.T) {
	s := newStage(t)
	s.apply(manifests(configMap("settings", "1")))
	if got := s.field("cm/settings", ".metadata.annotations"); !strings.Contains(got, cluster.AnnotationIntent) {
		t.Errorf("annotations: %s", got)
	}
	found, err := diff.Compare(t.Context(), plane.Config, s.set(manifests(configMap("settings", "1"))))
	if err != nil || len(found) != 0 {
		t.Errorf("differences: %+v, %v", found, err)
	}
	s.apply(manifests(configMap("settings", "2")))
	if got := s.field("cm/settings", ".metadata.annotations"); got != "" {
		t.Errorf("annotations after a change: %s", got)
	}
}

func TestDriftSaysWhoDidIt(t *testing.T) {
	s := newStage(t)
	s.apply(manifests(configMap("settings", "1")))
	s.patch("cm/settings", "", `{"data":{"key":"theirs"}}`)
	report := s.apply(manifests(configMap("settings", "1")))
	if len(report.Taken) != 1 || report.Taken[0].Manager != "mallory" || report.Taken[0].Field != ".data.key" {
		t.Errorf("taken: %+v", report.Taken)
	}
}

func TestFieldOfAnotherDeclarativeManagerIsRefused(t *testing.T) {
	s := newStage(t)
	s.apply(manifests(configMap("settings", "1")))
	s.kubectl("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {second: theirs}\n", "apply", "--server-side", "--field-manager=argocd", "-f", "-")
	two := "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: settings\ndata: {key: \"1\", second: ours}\n"
	problem := s.refused(manifests(two))
	if problem.Reason != cause.FieldConflict || !strings.Contains(problem.Words, "argocd") || !strings.Contains(problem.Words, ".data.second") {
		t.Errorf("problem: %v", problem)
	}
	s.apply(manifests(strings.Replace(two, "  name: settings", "  name: settings\n  annotations: {slipway.dev/adopt: \"true\"}", 1)))
	if got := s.field("cm/settings", ".data.second"); got != "ours" {
		t.Errorf("after taking over: %s", got)
	}
}

func TestAutoscalerOwnsReplicas(t *testing.T) {
	s := newStage(t)
	scaled := func(image string) string {
		return manifests(deployment("web", image, -1), horizontal("web", 3, 9))
	}
	s.apply(scaled("registry.example/web:1"))
	if got := s.field("deploy/web", ".spec.replicas"); got != "3" {
		t.Errorf("starts with %s replicas, want the autoscaler's minimum", got)
	}
	s.apply(scaled("registry.example/web:2"))
	if got := s.field("deploy/web", ".spec.replicas"); got != "3" {
		t.Errorf("a release before the first scaling: %s replicas, want 3", got)
	}
	s.patch("deploy/web", "scale", `{"spec":{"replicas":6}}`) // as the autoscaler does: the same subresource
	if report := s.apply(scaled("registry.example/web:2")); report.Unchanged != 2 {
		t.Errorf("the autoscaler's work was taken for drift: %+v", report)
	}
	s.apply(scaled("registry.example/web:3"))
	if got := s.field("deploy/web", ".spec.replicas"); got != "6" {
		t.Errorf("a release after scaling: %s replicas, want 6", got)
	}
	s.apply(manifests(deployment("web", "registry.example/web:3", 2)))
	if got := s.field("deploy/web", ".spec.replicas"); got != "2" {
		t.Errorf("without the autoscaler: %s replicas, want 2", got)
	}
	s.apply(manifests(deployment("web", "registry.example/web:3", -1), horizontal("web", 1, 9)))
	if got := s.field("deploy/web", ".spec.replicas"); got != "2" {
		t.Errorf("with an autoscaler again: %s replicas, want still 2", got)
	}
}

// No replicas are taken from an autoscaler, which leaves alone what has none, and given
// back as many as it wants at least.
func TestAutoscaledToZeroAndBack(t *testing.T) {
	s := newStage(t)
	awake := manifests(deployment("web", "registry.example/web:1", -1), horizontal("web", 3, 9))
	asleep := manifests(deployment("web", "registry.example/web:1", 0), horizontal("web", 3, 9))
	for _, scaled := range []bool{false, true} {
		s.apply(awake)
		if scaled {
			s.patch("deploy/web", "scale", `{"spec":{"replicas":6}}`) // as the autoscaler does
		}
		s.apply(asleep)
		if got := s.field("deploy/web", ".spec.replicas"); got != "0" {
			t.Errorf("asleep: %s replicas", got)
		}
		if report := s.apply(asleep); report.Unchanged != 2 {
			t.Errorf("asleep, and not settled: %+v", report)
		}
		s.apply(awake)
		if got := s.field("deploy/web", ".spec.replicas"); got != "3" {
			t.Errorf("awake: %s replicas, want the autoscaler's minimum", got)
		}
	}
}

func TestForeignAutoscalerIsLeftAlone(t *testing.T) {
	s := newStage(t)
	s.apply(manifests(deployment("web", "registry.example/web:1", 2)))
	s.kubectl("", "patch", "deploy/web", "--subresource=scale", "--type=merge", "--field-manager=kube-controller-manager", "-p", `{"spec":{"replicas":5}}`)
	report := s.apply(manifests(deployment("web", "registry.example/web:1", 2)))
	if got := s.field("deploy/web", ".spec.replicas"); got != "5" || len(report.Left) != 1 {
		t.Errorf("replicas %s: %+v", got, report)
	}
	s.traffic.spent()
	if report := s.apply(manifests(deployment("web", "registry.example/web:1", 2))); report.Unchanged != 1 {
		t.Errorf("not settled: %+v", report)
	}
}
