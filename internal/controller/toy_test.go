package controller

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/controller-runtime/pkg/source"
)

// toy is the smallest reconciler: it works on one object, once. A new
// reconciler is a folder with such a type, and its line in reconcilers.
type toy struct{ worked chan ctrl.Request }

// Reconcile works on one object.
func (r *toy) Reconcile(_ context.Context, req ctrl.Request) (ctrl.Result, error) {
	r.worked <- req
	return ctrl.Result{}, nil
}

// Setup registers the reconciler. It has a source of its own, so that it needs
// no API server.
func (r *toy) Setup(mgr ctrl.Manager) error {
	once := source.Func(func(_ context.Context, queue workqueue.TypedRateLimitingInterface[ctrl.Request]) error {
		queue.Add(toyObject())
		return nil
	})
	return ctrl.NewControllerManagedBy(mgr).Named("toy").WatchesRawSource(once).Complete(r)
}

func toyObject() ctrl.Request {
	return ctrl.Request{NamespacedName: client.ObjectKey{Namespace: "slipway-org-acme", Name: "toy"}}
}

// TestToyReconciler adds a reconciler to the list and lets it work.
func TestToyReconciler(t *testing.T) {
	mgr, err := ctrl.NewManager(&rest.Config{Host: "http://127.0.0.1:1"}, ctrl.Options{
		Logger:         logr.Discard(),
		Metrics:        metricsserver.Options{BindAddress: "0"},
		MapperProvider: func(*rest.Config, *http.Client) (meta.RESTMapper, error) { return meta.NewDefaultRESTMapper(nil), nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	added := &toy{worked: make(chan ctrl.Request, 1)}
	if err := register(mgr, []Reconciler{added}); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- mgr.Start(ctx) }()
	select {
	case got := <-added.worked:
		if got != toyObject() {
			t.Errorf("worked on %v", got)
		}
	case <-time.After(time.Minute):
		t.Error("the new reconciler never worked")
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
