package addon

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/slipway-dev/slipway/cmd/devcluster/internal/layout"
)

// manager owns the fields of add-ons.
const manager = "slipway-devcluster"

// Client talks to the API server as the administrator.
type Client struct {
	objects dynamic.Interface
	typed   kubernetes.Interface
}

// NewClient reads the administrator's kubeconfig.
func NewClient(kubeconfig string) (*Client, error) {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("read kubeconfig: %w", err)
	}
	config.QPS, config.Burst = 100, 100
	return newClient(config)
}

func newClient(config *rest.Config) (*Client, error) {
	objects, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("make client: %w", err)
	}
	typed, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("make client: %w", err)
	}
	return &Client{objects: objects, typed: typed}, nil
}

// Apply makes the objects be as given, whoever changed them.
func (c *Client) Apply(ctx context.Context, objects []runtime.Object) error {
	for _, object := range objects {
		if err := c.apply(ctx, object); err != nil {
			return err
		}
	}
	return nil
}

func (c *Client) apply(ctx context.Context, object runtime.Object) error {
	accessor, err := meta.Accessor(object)
	if err != nil {
		return fmt.Errorf("apply object: %w", err)
	}
	kind := object.GetObjectKind().GroupVersionKind()
	raw, err := json.Marshal(object)
	if err != nil {
		return fmt.Errorf("encode %s %s: %w", kind.Kind, accessor.GetName(), err)
	}
	plural, _ := meta.UnsafeGuessKindToResource(kind) // right for the few kinds here
	target := dynamic.ResourceInterface(c.objects.Resource(plural))
	if namespace := accessor.GetNamespace(); namespace != "" {
		target = c.objects.Resource(plural).Namespace(namespace)
	}
	force := true
	_, err = target.Patch(ctx, accessor.GetName(), types.ApplyPatchType, raw, metav1.PatchOptions{FieldManager: manager, Force: &force})
	if err != nil {
		return fmt.Errorf("apply %s %s: %w", kind.Kind, accessor.GetName(), err)
	}
	return nil
}

// AwaitNode waits until the node takes pods.
func (c *Client) AwaitNode(ctx context.Context, limit time.Duration) error {
	return await(ctx, limit, c.NodeReady)
}

// NodeReady returns nil when the node takes pods.
func (c *Client) NodeReady(ctx context.Context) error {
	node, err := c.typed.CoreV1().Nodes().Get(ctx, layout.NodeName, metav1.GetOptions{})
	if err != nil {
		return fmt.Errorf("read node: %w", err)
	}
	for _, condition := range node.Status.Conditions {
		if condition.Type == corev1.NodeReady && condition.Status == corev1.ConditionTrue {
			return nil
		}
	}
	return fmt.Errorf("node %s is not ready", layout.NodeName)
}

// AwaitDNS waits until the cluster's DNS answers.
func (c *Client) AwaitDNS(ctx context.Context, limit time.Duration) error {
	return await(ctx, limit, c.DNSReady)
}

// DNSReady returns nil when the DNS deployment is as wanted and available.
func (c *Client) DNSReady(ctx context.Context) error {
	now, err := c.typed.AppsV1().Deployments(Namespace).Get(ctx, DNS, metav1.GetOptions{})
	if err != nil {
		return fmt.Errorf("read deployment %s: %w", DNS, err)
	}
	if now.Status.ObservedGeneration < now.Generation || now.Status.UpdatedReplicas < 1 || now.Status.AvailableReplicas < 1 {
		return fmt.Errorf("deployment %s has no available pod: see kubectl -n %s describe pods", DNS, Namespace)
	}
	return nil
}

// AwaitIngress waits until the ingress takes requests.
func (c *Client) AwaitIngress(ctx context.Context, limit time.Duration) error {
	return await(ctx, limit, c.IngressReady)
}

// IngressReady returns nil when the ingress's pod is as wanted and ready.
func (c *Client) IngressReady(ctx context.Context) error {
	now, err := c.typed.AppsV1().DaemonSets(Namespace).Get(ctx, Ingress, metav1.GetOptions{})
	if err != nil {
		return fmt.Errorf("read daemon set %s: %w", Ingress, err)
	}
	if now.Status.ObservedGeneration < now.Generation || now.Status.UpdatedNumberScheduled < 1 || now.Status.NumberReady < 1 {
		return fmt.Errorf("daemon set %s has no ready pod: see kubectl -n %s describe pods", Ingress, Namespace)
	}
	return nil
}

// await asks until the answer is nil or the time is over, and returns the last answer.
func await(ctx context.Context, limit time.Duration, ask func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		err := ask(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waited %s: %w", limit, err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}
