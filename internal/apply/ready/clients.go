package ready

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
	"github.com/slipway-dev/slipway/internal/apply/cluster"
	"github.com/slipway-dev/slipway/internal/fault"
)

// Clients read whole objects, because readiness is in their status. They are
// safe for concurrent use.
type Clients struct {
	client  *cluster.Client
	core    corev1client.CoreV1Interface
	apps    appsv1client.AppsV1Interface
	batch   batchv1client.BatchV1Interface
	dynamic dynamic.Interface
}

// New returns clients with the identity of another client.
func New(client *cluster.Client) (*Clients, error) {
	config := client.Config()
	config.QPS, config.Burst, config.RateLimiter = -1, 0, nil
	config.WarningHandler = rest.NoWarnings{}
	config.AcceptContentTypes = "application/vnd.kubernetes.protobuf,application/json"
	config.ContentType = "application/vnd.kubernetes.protobuf"
	httpClient, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "the cluster's credentials do not work; give the Cluster another kubeconfig")
	}
	c := &Clients{client: client}
	if c.core, err = corev1client.NewForConfigAndClient(config, httpClient); err != nil {
		return nil, fmt.Errorf("client of core/v1: %w", err)
	}
	if c.apps, err = appsv1client.NewForConfigAndClient(config, httpClient); err != nil {
		return nil, fmt.Errorf("client of apps/v1: %w", err)
	}
	if c.batch, err = batchv1client.NewForConfigAndClient(config, httpClient); err != nil {
		return nil, fmt.Errorf("client of batch/v1: %w", err)
	}
	if c.dynamic, err = dynamic.NewForConfigAndClient(config, httpClient); err != nil {
		return nil, fmt.Errorf("client of any kind: %w", err)
	}
	return c, nil
}

// pods returns the pods of a namespace that labels select.
func (c *Clients) pods(namespace, labels string) cluster.Collection {
	pods := c.core.Pods(namespace)
	return cluster.Collection{
		Labels: labels,
		List: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			return pods.List(ctx, o)
		},
		Watch: pods.Watch,
	}
}

// warnings returns the warnings in a namespace.
func (c *Clients) warnings(namespace string) cluster.Collection {
	events := c.core.Events(namespace)
	return cluster.Collection{
		Fields: "type=" + corev1.EventTypeWarning,
		List: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			return events.List(ctx, o)
		},
		Watch: events.Watch,
	}
}

// replicaSets returns the replica sets of a namespace.
func (c *Clients) replicaSets(namespace string) cluster.Collection {
	sets := c.apps.ReplicaSets(namespace)
	return cluster.Collection{
		List: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			return sets.List(ctx, o)
		},
		Watch: sets.Watch,
	}
}

// objects returns the objects of any kind in a namespace.
func (c *Clients) objects(resource schema.GroupVersionResource, namespace string) cluster.Collection {
	objects := c.dynamic.Resource(resource).Namespace(namespace)
	return cluster.Collection{
		List: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			return objects.List(ctx, o)
		},
		Watch: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			return objects.Watch(ctx, o)
		},
	}
}

// logTimeout bounds the reading of a log's end.
const logTimeout = 5 * time.Second

// lastLines returns the end of a container's log; empty when there is none to
// be had, since a cause without it is better than none.
func (c *Clients) lastLines(ctx context.Context, namespace string, log cause.Log) string {
	ctx, cancel := context.WithTimeout(ctx, logTimeout)
	defer cancel()
	for _, previous := range []bool{log.Previous, false} {
		lines, limit := int64(20), int64(16<<10)
		data, err := c.core.Pods(namespace).GetLogs(log.Pod, &corev1.PodLogOptions{
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
