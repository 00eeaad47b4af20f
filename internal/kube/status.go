package kube

import (
	"context"
	"fmt"

	apiequality "k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/printable"
)

// PatchStatus writes what differs between two versions of an object's status,
// and nothing when nothing does.
func PatchStatus(ctx context.Context, c client.Client, before, after client.Object) error {
	if apiequality.Semantic.DeepEqual(before, after) {
		return nil
	}
	err := client.IgnoreNotFound(c.Status().Patch(ctx, after, client.MergeFrom(before)))
	if err != nil {
		return fmt.Errorf("write status of %s/%s: %w", after.GetNamespace(), after.GetName(), err)
	}
	return nil
}

// SetCondition sets one condition as observed at a generation.
func SetCondition(conditions *[]metav1.Condition, condition metav1.Condition, generation int64) {
	condition.ObservedGeneration = generation
	condition.Message = printable.Passage(condition.Message, 1024)
	meta.SetStatusCondition(conditions, condition)
}

// Sentence is what users may read of an error.
func Sentence(err error) string { return fault.MessageOf(err) }
