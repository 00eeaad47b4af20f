package apply

import (
	"bytes"
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
	appsv1client "k8s.io/client-go/kubernetes/typed/apps/v1"
	batchv1client "k8s.io/client-go/kubernetes/typed/batch/v1"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"

	"github.com/slipway-dev/slipway/internal/apply/cause"
	"github.com/slipway-dev/slipway/internal/fault"
)

// views reads whole objects, where their status says how they do. It is safe
// for concurrent use.
type views struct {
	client  *client
	core    corev1client.CoreV1Interface
	apps    appsv1client.AppsV1Interface
	batch   batchv1client.BatchV1Interface
	dynamic dynamic.Interface
}

func newViews(client *client) (*views, error) {
	config := client.restConfig()
	config.QPS, config.Burst, config.RateLimiter = -1, 0, nil
	config.WarningHandler = rest.NoWarnings{}
	config.AcceptContentTypes = "application/vnd.kubernetes.protobuf,application/json"
	config.ContentType = "application/vnd.kubernetes.protobuf"
	httpClient, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "the cluster's credentials do not work; give the Cluster another kubeconfig")
	}
	v := &views{client: client}
	if v.core, err = corev1client.NewForConfigAndClient(config, httpClient); err != nil {
		return nil, fmt.Errorf("client of core/v1: %w", err)
	}
	if v.apps, err = appsv1client.NewForConfigAndClient(config, httpClient); err != nil {
		return nil, fmt.Errorf("client of apps/v1: %w", err)
	}
	if v.batch, err = batchv1client.NewForConfigAndClient(config, httpClient); err != nil {
		return nil, fmt.Errorf("client of batch/v1: %w", err)
	}
	if v.dynamic, err = dynamic.NewForConfigAndClient(config, httpClient); err != nil {
		return nil, fmt.Errorf("client of any kind: %w", err)
	}
	return v, nil
}

// pods returns the pods of a namespace that labels select.
func (v *views) pods(namespace, labels string) collection {
	pods := v.core.Pods(namespace)
	return collection{
		labels: labels,
		list: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			return pods.List(ctx, o)
		},
		watch: pods.Watch,
	}
}

// warnings returns the warnings in a namespace.
func (v *views) warnings(namespace string) collection {
	events := v.core.Events(namespace)
	return collection{
		fields: "type=" + corev1.EventTypeWarning,
		list: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			return events.List(ctx, o)
		},
		watch: events.Watch,
	}
}

// replicaSets returns the replica sets of a namespace.
func (v *views) replicaSets(namespace string) collection {
	sets := v.apps.ReplicaSets(namespace)
	return collection{
		list: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			return sets.List(ctx, o)
		},
		watch: sets.Watch,
	}
}

// any returns the objects of any kind in a namespace.
func (v *views) any(resource schema.GroupVersionResource, namespace string) collection {
	objects := v.dynamic.Resource(resource).Namespace(namespace)
	return collection{
		list: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			return objects.List(ctx, o)
		},
		watch: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			return objects.Watch(ctx, o)
		},
	}
}

// logTimeout bounds the reading of a log's end.
const logTimeout = 5 * time.Second

// lastLines returns the end of a container's log; empty when there is none to
// be had, since a cause without it is better than none.
func (v *views) lastLines(ctx context.Context, namespace string, log cause.Log) string {
	ctx, cancel := context.WithTimeout(ctx, logTimeout)
	defer cancel()
	for _, previous := range []bool{log.Previous, false} {
		lines, limit := int64(20), int64(16<<10)
		data, err := v.core.Pods(namespace).GetLogs(log.Pod, &corev1.PodLogOptions{
			Container: log.Container, Previous: previous, TailLines: &lines, LimitBytes: &limit,
		}).Do(ctx).Raw()
		if err == nil && !bytes.HasPrefix(data, []byte(noLog)) {
			return cause.ClipLog(data)
		}
	}
	return ""
}

// noLog begins what a kubelet sends, as if it were a log, for a container that
// it removed meanwhile.
const noLog = "unable to retrieve container logs for "
