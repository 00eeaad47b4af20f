package controller

import (
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/release"
)

// CacheOptions keeps the watch cache to what is needed: Slipway's own objects,
// without the records of who wrote which field, and of finished releases only
// what decisions read. Config is of the API server that is watched.
// The gate's EndpointSlices, and the Leases that visits are written to, are read in its
// namespace only.
func CacheOptions(config *rest.Config, gateNamespace string) cache.Options {
	strip := cache.TransformStripManagedFields()
	slim := func(object any) (any, error) {
		stripped, err := strip(object)
		if err != nil {
			return nil, err
		}
		return release.SlimCached(stripped)
	}
	kinds := map[client.Object]cache.ByObject{&v1alpha1.Release{}: {Transform: slim}}
	if gateNamespace != "" {
		there := map[string]cache.Config{gateNamespace: {}}
		kinds[&coordinationv1.Lease{}], kinds[&discoveryv1.EndpointSlice{}] = cache.ByObject{Namespaces: there}, cache.ByObject{Namespaces: there}
	}
	return cache.Options{DefaultTransform: strip, NewInformer: informers{config}.make, ByObject: kinds}
}

// ClientOptions makes reads of Secrets and ConfigMaps go to the API server:
// watching them all would keep every secret in memory.
func ClientOptions() client.Options {
	return client.Options{Cache: &client.CacheOptions{DisableFor: []client.Object{&corev1.Secret{}, &corev1.ConfigMap{}}}}
}
