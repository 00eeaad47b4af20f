package kube

import (
	"time"

	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// What failed is tried again after RetryMin, then ever more seldom, but never
// later than after RetryMax: when a neighbour is back, work goes on within
// that time.
const (
	RetryMin = 100 * time.Millisecond
	RetryMax = 20 * time.Second
)

// Retries returns the pace at which a controller tries again.
func Retries() workqueue.TypedRateLimiter[reconcile.Request] { return RetriesOf[reconcile.Request]() }

// RetriesOf returns the pace at which each of some things is tried again.
func RetriesOf[T comparable]() workqueue.TypedRateLimiter[T] {
	return workqueue.NewTypedItemExponentialFailureRateLimiter[T](RetryMin, RetryMax)
}
