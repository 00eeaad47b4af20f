package project

import (
	"context"

	"k8s.io/apimachinery/pkg/types"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/git"
)

// FastPath starts the release of a stage that a sync changes without waiting
// for the watches to show the change.
type FastPath interface {
	// Through calls write, which makes the stage durable, and returns its error.
	Through(ctx context.Context, stage *v1alpha1.Stage, write func() error) error
}

// Prefetcher has the heads of projects whose refs were read early.
type Prefetcher interface {
	// Take returns a project's heads if they were, or are being, read after
	// every waiting delivery had arrived.
	Take(ctx context.Context, name types.NamespacedName, waiting []v1alpha1.Delivery) (git.Heads, bool)
}
