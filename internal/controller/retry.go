package controller

import (
	"time"

	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// What failed is tried again after retryMin, then ever more seldom, but never
// later than after retryMax: when a neighbour is back, work goes on within
// that time.
const (
	retryMin = 100 * time.Millisecond
	retryMax = 20 * time.Second
)

// retries returns the pace at which a controller tries again.
func retries() workqueue.TypedRateLimiter[reconcile.Request] { return retriesOf[reconcile.Request]() }

// retriesOf returns the pace at which each of some things is tried again.
func retriesOf[T comparable]() workqueue.TypedRateLimiter[T] {
	return workqueue.NewTypedItemExponentialFailureRateLimiter[T](retryMin, retryMax)
}
