package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"

	"github.com/slipway-dev/slipway/internal/apply/cause"
	"github.com/slipway-dev/slipway/internal/apply/inventory"
	"github.com/slipway-dev/slipway/internal/apply/refusal"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/kube"
)

// resource is how the API server serves a kind.
type resource struct {
	plural     string
	namespaced bool
}

// kinds knows where one API server serves each kind. Kinds that every
// Kubernetes has need no request; others are discovered once per version and
// again when a kind is missing, at most every few seconds.
type kinds struct {
	builtin map[schema.GroupKind]builtinKind

	mutex      sync.Mutex
	discovered map[schema.GroupVersion]discovery
	now        func() time.Time
}

type builtinKind struct {
	resource
	versions []string
}

type discovery struct {
	at    time.Time
	kinds map[string]resource // nil when the version is not served
}

// discoveryAge is how long a missing kind stays missing before the server is
// asked again.
const discoveryAge = 5 * time.Second

func newKinds() *kinds {
	k := &kinds{builtin: map[schema.GroupKind]builtinKind{}, discovered: map[schema.GroupVersion]discovery{}, now: time.Now}
	add := func(group string, versions []string, plurals map[string]string) {
		for kind, plural := range plurals {
			k.builtin[schema.GroupKind{Group: group, Kind: kind}] = builtinKind{resource{plural, true}, versions}
		}
	}
	v1 := []string{"v1"}
	add("", v1, map[string]string{
		"ConfigMap": "configmaps", "Secret": "secrets", "Service": "services", "ServiceAccount": "serviceaccounts",
		"PersistentVolumeClaim": "persistentvolumeclaims", "Pod": "pods", "LimitRange": "limitranges",
		"ResourceQuota": "resourcequotas", "Endpoints": "endpoints", "ReplicationController": "replicationcontrollers",
	})
	add("apps", v1, map[string]string{
		"Deployment": "deployments", "StatefulSet": "statefulsets", "DaemonSet": "daemonsets", "ReplicaSet": "replicasets",
	})
	add("batch", v1, map[string]string{"Job": "jobs", "CronJob": "cronjobs"})
	add("networking.k8s.io", v1, map[string]string{"Ingress": "ingresses", "NetworkPolicy": "networkpolicies"})
	add("policy", v1, map[string]string{"PodDisruptionBudget": "poddisruptionbudgets"})
	add("rbac.authorization.k8s.io", v1, map[string]string{"Role": "roles", "RoleBinding": "rolebindings"})
	add("autoscaling", []string{"v2", "v1"}, map[string]string{"HorizontalPodAutoscaler": "horizontalpodautoscalers"})
	k.builtin[schema.GroupKind{Kind: "Namespace"}] = builtinKind{resource{"namespaces", false}, v1}
	return k
}

// servedVersion returns the apiVersion that serves a kind today, for a manifest
// that asks for one that is not served.
func (k *kinds) servedVersion(kind string) string {
	var found []string
	for gk, b := range k.builtin {
		if gk.Kind == kind {
			found = append(found, schema.GroupVersion{Group: gk.Group, Version: b.versions[0]}.String())
		}
	}
	slices.Sort(found)
	if len(found) == 0 {
		return ""
	}
	return found[0]
}

// resolve returns how the API server serves an object's kind.
func (k *kinds) resolve(ctx context.Context, client *rest.RESTClient, ref inventory.Ref) (resource, error) {
	if b, ok := k.builtin[ref.GroupKind()]; ok && slices.Contains(b.versions, ref.Version) {
		return b.resource, nil
	}
	k.mutex.Lock()
	defer k.mutex.Unlock()
	gv := ref.GroupVersion()
	known, ok := k.discovered[gv]
	if found, served := known.kinds[ref.Kind]; served {
		return found, nil
	}
	if !ok || k.now().Sub(known.at) > discoveryAge {
		fresh, err := discover(ctx, client, gv)
		if err != nil {
			return resource{}, err
		}
		known = discovery{at: k.now(), kinds: fresh}
		k.discovered[gv] = known
	}
	found, served := known.kinds[ref.Kind]
	if !served {
		return resource{}, k.notServed(ref)
	}
	return found, nil
}

func (k *kinds) notServed(ref inventory.Ref) error {
	remedy := "install what defines it, or remove the object"
	if use := k.servedVersion(ref.Kind); use != "" && use != ref.APIVersion() {
		remedy = "write apiVersion: " + use
	}
	return &refusal.ObjectError{
		Ref: ref, Reason: cause.VersionNotServed, Code: fault.Invalid,
		Words: fmt.Sprintf("the cluster does not serve %s in %s", ref.Kind, ref.APIVersion()), Remedy: remedy,
	}
}

// discover asks the server what it serves in a group version; nil when it
// does not know the version.
func discover(ctx context.Context, client *rest.RESTClient, gv schema.GroupVersion) (map[string]resource, error) {
	segments := []string{"apis", url.PathEscape(gv.Group), url.PathEscape(gv.Version)}
	if gv.Group == "" {
		segments = []string{"api", url.PathEscape(gv.Version)}
	}
	body, err := client.Get().AbsPath(segments...).SetHeader("Accept", "application/json").Do(ctx).Raw()
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fault.Wrap(kube.CodeOf(err), err, "ask the cluster what it serves in %s", gv)
	}
	var list metav1.APIResourceList
	if err := json.Unmarshal(body, &list); err != nil {
		return nil, fmt.Errorf("decode what the cluster serves in %s: %w", gv, err)
	}
	found := map[string]resource{}
	for _, r := range list.APIResources {
		if !slices.Contains([]rune(r.Name), '/') {
			found[r.Kind] = resource{plural: r.Name, namespaced: r.Namespaced}
		}
	}
	return found, nil
}
