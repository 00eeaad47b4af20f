package release

import (
	"slices"
	"strings"
	"unique"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/printable"
)

// slimMessage bounds the message of a slim release, in bytes. The conditions and the
// quarantine of a stage, which repeat it, have the same bound.
const slimMessage = 1024

// SlimRelease returns a finished release with only what decisions read, and an
// unfinished or slim one unchanged. It is for watch caches (see SlimCached), which
// need a seventh of the memory then.
//
// It drops the type, labels, annotations and managed fields; the services of a
// restart and the verdicts; and of the status all services except those whose build
// may still run, all timings except that of Applying, counts, warnings, and the
// messages of conditions. Code that needs any of these reads the release from the API
// server, as Inputs.Whole does. A merge patch from a slim release keeps them, because
// it contains only what changed; an update would delete them.
func SlimRelease(r *v1alpha1.Release) *v1alpha1.Release {
	if !r.Status.Phase.Done() || IsSlim(r) {
		return r
	}
	slim := &v1alpha1.Release{
		ObjectMeta: metav1.ObjectMeta{
			Name:              r.Name,
			Namespace:         shared(r.Namespace),
			UID:               r.UID,
			ResourceVersion:   r.ResourceVersion,
			Generation:        r.Generation,
			CreationTimestamp: r.CreationTimestamp,
			DeletionTimestamp: r.DeletionTimestamp,
			OwnerReferences:   slimOwners(r.OwnerReferences),
			Finalizers:        r.Finalizers,
		},
		Spec: v1alpha1.ReleaseSpec{
			Project:  shared(r.Spec.Project),
			Stage:    shared(r.Spec.Stage),
			Sequence: r.Spec.Sequence,
			Head:     slimHead(r.Spec.Head),
			Trigger:  shared(r.Spec.Trigger),
			From:     r.Spec.From,
			By:       shared(r.Spec.By),
			Reason:   r.Spec.Reason,
		},
		Status: v1alpha1.ReleaseStatus{
			ObservedGeneration: r.Status.ObservedGeneration,
			Phase:              shared(r.Status.Phase),
			Message:            shared(printable.Clip(r.Status.Message, slimMessage)),
			Cause:              shared(r.Status.Cause),
			Services:           slimServices(r.Status.Services),
			Bundle:             r.Status.Bundle,
			BundleDigest:       r.Status.BundleDigest,
			Timings:            slimTimings(r.Status.Timings),
			URL:                shared(r.Status.URL),
			Reported:           shared(r.Status.Reported),
			Conditions:         slimConditions(r.Status.Conditions),
		},
	}
	pack(&slim.Name, (*string)(&slim.UID), &slim.ResourceVersion, &slim.Spec.Head.Commit, &slim.Spec.Head.Delivery, &slim.Spec.Head.Subject,
		&slim.Spec.From, &slim.Spec.Reason, &slim.Status.Bundle, &slim.Status.BundleDigest)
	if slim.Spec.Head.FileCommit == slim.Spec.Head.Commit {
		slim.Spec.Head.FileCommit = slim.Spec.Head.Commit
	}
	return slim
}

// SlimCached is the transform of a watch cache that keeps finished releases slim.
// Other objects stay as they are.
func SlimCached(object any) (any, error) {
	if r, is := object.(*v1alpha1.Release); is {
		return SlimRelease(r), nil
	}
	return object, nil
}

// IsSlim reports whether a release lacks what SlimRelease drops: the last timing of
// a finished release is the time at which it finished.
func IsSlim(r *v1alpha1.Release) bool {
	timings := r.Status.Timings
	return r.Status.Phase.Done() && (len(timings) == 0 || timings[len(timings)-1].Phase != r.Status.Phase)
}

// slimHead keeps the whole head, because an automatic rollback copies it.
func slimHead(head v1alpha1.Head) v1alpha1.Head {
	if head.FileCommit != head.Commit {
		head.FileCommit = shared(head.FileCommit)
	}
	head.FileID, head.Actor = shared(head.FileID), shared(head.Actor)
	head.FileObject, head.FileActor, head.AcceptedCommit = shared(head.FileObject), shared(head.FileActor), shared(head.AcceptedCommit)
	return head
}

// slimServices keeps the Jobs for UnfinishedBuilds.
func slimServices(services []v1alpha1.ReleaseService) []v1alpha1.ReleaseService {
	var kept []v1alpha1.ReleaseService
	for _, s := range services {
		if s.Job != "" && s.Image == "" {
			kept = append(kept, v1alpha1.ReleaseService{Name: s.Name, Job: s.Job})
		}
	}
	return kept
}

// slimTimings keeps what CameToApplying reads.
func slimTimings(timings []v1alpha1.PhaseTime) []v1alpha1.PhaseTime {
	for _, t := range timings {
		if t.Phase == v1alpha1.PhaseApplying {
			return []v1alpha1.PhaseTime{{Phase: v1alpha1.PhaseApplying, At: t.At}}
		}
	}
	return nil
}

// slimConditions keeps whether the release was accepted and whether it is rolled
// back automatically.
func slimConditions(conditions []metav1.Condition) []metav1.Condition {
	var kept []metav1.Condition
	for _, c := range conditions {
		if c.Type == v1alpha1.ConditionAccepted || c.Type == v1alpha1.ConditionAutoRollback {
			kept = append(kept, metav1.Condition{
				Type: shared(c.Type), Status: shared(c.Status), ObservedGeneration: c.ObservedGeneration, LastTransitionTime: c.LastTransitionTime, Reason: shared(c.Reason),
			})
		}
	}
	return kept
}

// slimOwners keeps what Belongs reads.
func slimOwners(owners []metav1.OwnerReference) []metav1.OwnerReference {
	kept := slices.Clone(owners)
	for i := range kept {
		o := &kept[i]
		o.APIVersion, o.Kind, o.Name, o.UID = shared(o.APIVersion), shared(o.Kind), shared(o.Name), shared(o.UID)
	}
	return kept
}

// shared returns a string that shares its memory with equal ones: the releases of a
// stage have many strings in common.
func shared[T ~string](s T) T { return unique.Make(s).Value() }

// pack moves the strings of one release into one piece of memory. Left where they
// were decoded, they would keep the memory around them from being given back.
func pack(fields ...*string) {
	var all strings.Builder
	for _, field := range fields {
		all.WriteString(*field)
	}
	packed := strings.Clone(all.String())
	for _, field := range fields {
		*field, packed = packed[:len(*field)], packed[len(*field):]
	}
}
