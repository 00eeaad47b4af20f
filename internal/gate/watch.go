package gate

import (
	"context"
	"encoding/json"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"

	"github.com/slipway-dev/slipway/internal/entrance"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/naming"
)

// Entrances are those that the server keeps in a namespace.
type Entrances struct {
	Client    kubernetes.Interface
	Namespace string
}

// Follow hands each entrance to set when it is there or changes, and the name of each
// that goes to forget, until the context ends. It returns once all that there are were
// handed over.
func (e Entrances) Follow(ctx context.Context, set func(name string, is entrance.Entrance), forget func(name string), broken func(error)) error {
	factory := informers.NewSharedInformerFactoryWithOptions(e.Client, 0, informers.WithNamespace(e.Namespace),
		informers.WithTweakListOptions(func(o *metav1.ListOptions) { o.LabelSelector = naming.LabelManagedBy + "=" + naming.ManagedBy }))
	informer := factory.Core().V1().ConfigMaps().Informer()
	show := func(object any) {
		from, is := object.(*corev1.ConfigMap)
		if !is {
			return
		}
		read, err := entrance.Read(from)
		if err != nil {
			broken(err)
			forget(from.Name)
			return
		}
		set(from.Name, read)
	}
	_, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    show,
		UpdateFunc: func(_, now any) { show(now) },
		DeleteFunc: func(object any) {
			if key, err := cache.DeletionHandlingMetaNamespaceKeyFunc(object); err == nil {
				_, name, _ := cache.SplitMetaNamespaceKey(key)
				forget(name)
			}
		},
	})
	if err != nil {
		return fmt.Errorf("watch entrances: %w", err)
	}
	factory.Start(ctx.Done())
	if !cache.WaitForCacheSync(ctx.Done(), informer.HasSynced) {
		return fault.Wrap(fault.Unavailable, ctx.Err(), "the entrances in namespace %s could not be read", e.Namespace)
	}
	return nil
}

// Report writes a visit to the Lease of an entrance.
func (e Entrances) Report(ctx context.Context, name string, visit entrance.Visit) error {
	patch, err := json.Marshal(visit.Patch())
	if err != nil {
		return fmt.Errorf("encode a visit: %w", err)
	}
	if _, err := e.Client.CoordinationV1().Leases(e.Namespace).Patch(ctx, name, types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
		return fmt.Errorf("write Lease %s/%s: %w", e.Namespace, name, err)
	}
	return nil
}
