package kubefake

import (
	"context"
	"testing"

	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/kube"
)

// New returns a client of an API server that holds some objects.
func New(t testing.TB, objects ...client.Object) client.WithWatch {
	t.Helper()
	return Intercepted(t, interceptor.Funcs{}, objects...)
}

// Intercepted returns a client some of whose calls do something else.
func Intercepted(t testing.TB, calls interceptor.Funcs, objects ...client.Object) client.WithWatch {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := clientgoscheme.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	builder := fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).WithInterceptorFuncs(calls).WithStatusSubresource(
		&v1alpha1.Organization{}, &v1alpha1.Cluster{}, &v1alpha1.Project{}, &v1alpha1.Stage{}, &v1alpha1.Release{}, &v1alpha1.Delivery{}, &v1alpha1.Acceptance{})
	if err := kube.IndexFields(context.Background(), indexer{builder}); err != nil {
		t.Fatal(err)
	}
	return builder.Build()
}

// indexer hands indexes to a builder.
type indexer struct{ builder *fake.ClientBuilder }

// IndexField implements client.FieldIndexer.
func (i indexer) IndexField(_ context.Context, o client.Object, field string, extract client.IndexerFunc) error {
	i.builder.WithIndex(o, field, extract)
	return nil
}
