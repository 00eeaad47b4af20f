package releasetest

import (
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/naming"
)

// ID returns n hexadecimal digits that differ from number to number.
func ID(n int, number int64) string {
	return fmt.Sprintf("%0*x", n, uint64(number+1)*0x9e3779b97f4a7c15)[:n] //nolint:gosec // any number will do
}

// Stage returns a stage as the API server keeps it after a tenth push. There are
// ten to a project.
func Stage(number int64) *v1alpha1.Stage {
	p, name := fmt.Sprintf("shop-%d", number/10), fmt.Sprintf("stage-%d", number%10)
	object := naming.StageObject(p, name)
	head := headOf(number, 10)
	return &v1alpha1.Stage{
		TypeMeta: metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion().String(), Kind: "Stage"},
		ObjectMeta: metav1.ObjectMeta{
			Name: object, Namespace: naming.OrganizationNamespace("acme"), UID: types.UID(ID(36, number)), ResourceVersion: fmt.Sprint(1_000_000 + number),
			Generation: 10, CreationTimestamp: metav1.NewTime(time.Unix(1_700_000_000, 0)),
			Labels: map[string]string{
				naming.LabelManagedBy: naming.ManagedBy, naming.LabelOrganization: "acme", naming.LabelProject: p, naming.LabelStage: name,
			},
			Finalizers: []string{"slipway.dev/stage"},
		},
		Spec: v1alpha1.StageSpec{
			Project: p, Name: name, Rule: name, Ref: "refs/heads/main", Namespace: naming.Namespace("acme", p, name), Wanted: head, OnDelete: "keep",
		},
		Status: v1alpha1.StageStatus{
			ObservedGeneration: 10, Commit: head.Commit, Release: naming.Release(object, 10), Good: naming.Release(object, 10), Attempted: head.Commit,
			Sequence: 10, Phase: v1alpha1.PhaseSucceeded, URL: urlOf("web", name),
			Conditions: []metav1.Condition{{
				Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, ObservedGeneration: 10, Reason: "Succeeded", Message: finishedMessage,
				LastTransitionTime: metav1.NewTime(time.Unix(1_700_000_000, 0)),
			}},
		},
	}
}

const finishedMessage = "live: 0 created, 2 changed, 14 unchanged, 0 removed; 2 built, 3 reused"

func urlOf(service, stage string) string {
	return "https://" + service + "-" + stage + "-shop.apps.example.com/"
}

// headOf returns what a push to a stage brought.
func headOf(stage, sequence int64) v1alpha1.Head {
	unique := stage<<16 + sequence
	return v1alpha1.Head{
		Commit: ID(40, unique), FileCommit: ID(40, unique), FileID: ID(40, stage), Actor: "alice", Delivery: "github-" + ID(36, unique),
		Subject: fmt.Sprintf("checkout: the basket survives a reload of page %d", sequence),
	}
}

// Finished returns a release of a stage as the API server keeps it after a push to
// five services, two of which were built.
func Finished(stage *v1alpha1.Stage, number, sequence int64) *v1alpha1.Release {
	unique := number<<16 + sequence
	began := time.Unix(1_700_000_000+unique, 0)
	r := &v1alpha1.Release{
		TypeMeta: metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion().String(), Kind: "Release"},
		ObjectMeta: metav1.ObjectMeta{
			Name: naming.Release(stage.Name, sequence), Namespace: stage.Namespace, UID: types.UID(ID(36, unique)), ResourceVersion: fmt.Sprint(1_000_000 + unique),
			Generation: 1, CreationTimestamp: metav1.NewTime(began), Labels: stage.Labels,
			OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(stage, v1alpha1.GroupVersion().WithKind("Stage"))},
			ManagedFields: []metav1.ManagedFieldsEntry{
				{
					Manager: "slipway", Operation: metav1.ManagedFieldsOperationUpdate, APIVersion: "slipway.dev/v1alpha1", FieldsType: "FieldsV1", Time: new(metav1.NewTime(began)),
					FieldsV1: metav1.NewFieldsV1(`{"f:metadata":{"f:labels":{".":{},"f:slipway.dev/project":{},"f:slipway.dev/stage":{}},"f:ownerReferences":{".":{}}},"f:spec":{}}`),
				},
				{
					Manager: "slipway", Operation: metav1.ManagedFieldsOperationUpdate, Subresource: "status", APIVersion: "slipway.dev/v1alpha1", FieldsType: "FieldsV1",
					Time: new(metav1.NewTime(began)), FieldsV1: metav1.NewFieldsV1(`{"f:status":{}}`),
				},
			},
		},
		Spec: v1alpha1.ReleaseSpec{Project: stage.Spec.Project, Stage: stage.Name, Sequence: sequence, Trigger: v1alpha1.TriggerPush, Head: headOf(number, sequence)},
		Status: v1alpha1.ReleaseStatus{
			ObservedGeneration: 1, Phase: v1alpha1.PhaseSucceeded, Message: finishedMessage, Built: 2, Reused: 3,
			Bundle: stage.Name + "-" + ID(16, unique), BundleDigest: "sha256:" + ID(64, unique), Changes: v1alpha1.Changes{Changed: 2, Unchanged: 14},
			URL: urlOf("web", stage.Spec.Name), Reported: v1alpha1.PhaseSucceeded,
		},
	}
	for n, service := range []string{"web", "api", "worker", "search", "mailer"} {
		r.Status.Services = append(r.Status.Services, finishedService(service, stage.Spec.Name, unique+int64(n), n > 1))
	}
	for n, phase := range []v1alpha1.Phase{
		v1alpha1.PhasePending, v1alpha1.PhaseBuilding, v1alpha1.PhaseRendering, v1alpha1.PhaseApplying, v1alpha1.PhaseVerifying, v1alpha1.PhaseSucceeded,
	} {
		r.Status.Timings = append(r.Status.Timings, v1alpha1.PhaseTime{Phase: phase, At: metav1.NewMicroTime(began.Add(time.Duration(n) * time.Second))})
	}
	return r
}

func finishedService(name, stage string, unique int64, reused bool) v1alpha1.ReleaseService {
	return v1alpha1.ReleaseService{
		Name: name, InputHash: ID(64, unique), Image: "registry.example.com/acme/shop@sha256:" + ID(64, unique), Reused: reused, URL: urlOf(name, stage),
		Why: "reused: nothing it is built from changed since release 41", Job: "build-" + ID(16, unique),
		Inputs: map[string]string{
			"builder": "kaniko@sha256:" + ID(64, 1), "context " + name: ID(40, unique), "Dockerfile": ID(40, 3), "base image docker.io/library/golang:1.26": "sha256:" + ID(64, 2),
		},
	}
}
