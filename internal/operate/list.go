package operate

import (
	"context"
	"sync"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/kube"
	"github.com/slipway-dev/slipway/internal/naming"
)

// List reads the objects of one organization's namespace, or of all
// organizations that the client may see when the namespace is empty. Somebody
// who may not list them everywhere gets those of each organization where they
// may.
func List(ctx context.Context, c client.Reader, into client.ObjectList, namespace string, options ...client.ListOption) error {
	err := c.List(ctx, into, append(options, client.InNamespace(namespace))...)
	if namespace != "" || kube.CodeOf(err) != fault.Denied {
		return explainList(err)
	}
	namespaces, err := visibleNamespaces(ctx, c, err)
	if err != nil {
		return err
	}
	var all []runtime.Object
	err = eachVisible(namespaces, func(namespace string) error {
		if err := c.List(ctx, into, append(options, client.InNamespace(namespace))...); err != nil {
			return err
		}
		items, err := meta.ExtractList(into)
		all = append(all, items...)
		return err
	})
	if err != nil {
		return err
	}
	return meta.SetList(into, all)
}

// Watch reports that something in a list changed, in one organization's
// namespace or in all that the client may see. The channel is closed when the
// context or a watch ends.
func Watch(ctx context.Context, c client.WithWatch, of client.ObjectList, namespace string) (<-chan struct{}, error) {
	watcher, err := c.Watch(ctx, of, client.InNamespace(namespace))
	if err == nil {
		return merge(ctx, []watch.Interface{watcher}), nil
	}
	if namespace != "" || kube.CodeOf(err) != fault.Denied {
		return nil, explainList(err)
	}
	namespaces, err := visibleNamespaces(ctx, c, err)
	if err != nil {
		return nil, err
	}
	var watchers []watch.Interface
	err = eachVisible(namespaces, func(namespace string) error {
		watcher, err := c.Watch(ctx, of, client.InNamespace(namespace))
		if err == nil {
			watchers = append(watchers, watcher)
		}
		return err
	})
	if err != nil {
		for _, watcher := range watchers {
			watcher.Stop()
		}
		return nil, err
	}
	return merge(ctx, watchers), nil
}

// merge sends one signal for each event of the watches, and ends with the
// first of them.
func merge(ctx context.Context, watchers []watch.Interface) <-chan struct{} {
	ctx, cancel := context.WithCancel(ctx)
	changes := make(chan struct{})
	var group sync.WaitGroup
	for _, watcher := range watchers {
		group.Go(func() {
			defer cancel()
			defer watcher.Stop()
			for {
				select {
				case <-ctx.Done():
					return
				case _, open := <-watcher.ResultChan():
					if !open {
						return
					}
				}
				select {
				case <-ctx.Done():
					return
				case changes <- struct{}{}:
				}
			}
		})
	}
	go func() {
		group.Wait()
		cancel()
		close(changes)
	}()
	return changes
}

// visibleNamespaces returns the namespaces of the organizations that the
// client may list. The error says what was denied before.
func visibleNamespaces(ctx context.Context, c client.Reader, denied error) ([]string, error) {
	var organizations v1alpha1.OrganizationList
	if err := c.List(ctx, &organizations); err != nil {
		if kube.CodeOf(err) == fault.Denied {
			return nil, nameOrganization(denied)
		}
		return nil, explainList(err)
	}
	var namespaces []string
	for _, organization := range organizations.Items {
		namespaces = append(namespaces, naming.OrganizationNamespace(organization.Name))
	}
	if len(namespaces) == 0 {
		return nil, nameOrganization(denied)
	}
	return namespaces, nil
}

// eachVisible calls fn for each namespace and leaves out those where it is
// denied. Denied everywhere is an error.
func eachVisible(namespaces []string, fn func(namespace string) error) error {
	var denied error
	count := 0
	for _, namespace := range namespaces {
		err := fn(namespace)
		switch {
		case err == nil:
		case kube.CodeOf(err) == fault.Denied:
			denied = err
			count++
		default:
			return explainList(err)
		}
	}
	if count == len(namespaces) {
		return nameOrganization(denied)
	}
	return nil
}

// nameOrganization says that only a named organization may be looked at.
func nameOrganization(denied error) error {
	return fault.Wrap(fault.Denied, denied, "you may not look at all organizations (%v); name yours with -n ORGANIZATION, which is acme where your rights are in the namespace slipway-org-acme", denied)
}

// explainList says why a list could not be read.
func explainList(err error) error {
	switch code := kube.CodeOf(err); code {
	case "":
		return nil
	case fault.Denied:
		return fault.Wrap(code, err, "the control cluster forbids it: %v; ask an owner of the organization for the right", err)
	case fault.NotFound:
		return fault.Wrap(code, err, "the control cluster does not know these objects: %v; is Slipway installed there?", err)
	default:
		return kube.AskFault("the control cluster", err)
	}
}
