package inventory

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/kube"
	"github.com/slipway-dev/slipway/internal/naming"
)

// Store keeps inventories. It is safe for concurrent use; two writers of one
// inventory exclude each other, because saving over a version that was not
// loaded is a conflict.
type Store interface {
	// Load returns the stage's inventory, an empty one when there is none.
	Load(ctx context.Context, owner Owner) (*Inventory, error)
	// Save stores an inventory that was loaded, and sets its new version.
	Save(ctx context.Context, inventory *Inventory) error
	// Delete removes an inventory that was loaded.
	Delete(ctx context.Context, inventory *Inventory) error
	// Forget makes the next Load read what is stored.
	Forget(owner Owner)
}

// ConfigMaps is a Store of ConfigMaps in the organizations' namespaces on the
// control cluster, where no stage can reach them.
type ConfigMaps struct {
	client corev1client.ConfigMapsGetter
}

var _ Store = (*ConfigMaps)(nil)

// NewConfigMaps returns a store on the control cluster, for the server's own
// identity. It has no limit of requests of its own.
func NewConfigMaps(config *rest.Config) (*ConfigMaps, error) {
	config = rest.CopyConfig(config)
	config.QPS, config.Burst, config.RateLimiter = -1, 0, nil
	config.AcceptContentTypes = "application/vnd.kubernetes.protobuf,application/json"
	config.ContentType = "application/vnd.kubernetes.protobuf"
	config.WarningHandler = rest.NoWarnings{}
	client, err := corev1client.NewForConfig(config)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "the credentials of the control cluster do not work; give the server another kubeconfig")
	}
	return &ConfigMaps{client: client}, nil
}

// Label marks the ConfigMaps that hold inventories.
const Label = "slipway.dev/inventory"

// Load implements Store.
func (s *ConfigMaps) Load(ctx context.Context, owner Owner) (*Inventory, error) {
	stored, err := s.client.ConfigMaps(owner.namespace()).Get(ctx, owner.inventory(), metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return &Inventory{Owner: owner}, nil
	}
	if err != nil {
		return nil, storeFault(err, "read", owner)
	}
	key, data := compressedKey, stored.BinaryData[compressedKey]
	if data == nil {
		key, data = plainKey, []byte(stored.Data[plainKey])
	}
	inventory, err := decode(owner, key, data)
	if err != nil {
		return nil, err
	}
	inventory.version = stored.ResourceVersion
	return inventory, nil
}

// Save implements Store.
func (s *ConfigMaps) Save(ctx context.Context, inventory *Inventory) error {
	object, err := configMapOf(inventory)
	if err != nil {
		return err
	}
	maps := s.client.ConfigMaps(object.Namespace)
	var stored *corev1.ConfigMap
	if inventory.version == "" {
		stored, err = maps.Create(ctx, object, metav1.CreateOptions{FieldManager: naming.ManagedBy})
	} else {
		stored, err = maps.Update(ctx, object, metav1.UpdateOptions{FieldManager: naming.ManagedBy})
	}
	if err != nil {
		return storeFault(err, "save", inventory.Owner)
	}
	inventory.version = stored.ResourceVersion
	return nil
}

// configMapOf returns the stored form of an inventory.
func configMapOf(inventory *Inventory) (*corev1.ConfigMap, error) {
	key, data, err := inventory.encode()
	if err != nil {
		return nil, err
	}
	owner := inventory.Owner
	object := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{
		Name: owner.inventory(), Namespace: owner.namespace(), ResourceVersion: inventory.version,
		Labels: map[string]string{
			naming.LabelManagedBy: naming.ManagedBy,
			Label:                 "true",
			naming.LabelProject:   naming.LabelValue(owner.Project),
			naming.LabelStage:     naming.LabelValue(owner.Stage),
		},
	}}
	if key == compressedKey {
		object.BinaryData = map[string][]byte{key: data}
	} else {
		object.Data = map[string]string{key: string(data)}
	}
	return object, nil
}

// Delete implements Store.
func (s *ConfigMaps) Delete(ctx context.Context, inventory *Inventory) error {
	if inventory.version == "" {
		return nil
	}
	owner := inventory.Owner
	options := metav1.DeleteOptions{Preconditions: &metav1.Preconditions{ResourceVersion: &inventory.version}}
	err := s.client.ConfigMaps(owner.namespace()).Delete(ctx, owner.inventory(), options)
	if err != nil && !apierrors.IsNotFound(err) {
		return storeFault(err, "delete", owner)
	}
	inventory.version = ""
	return nil
}

// Forget implements Store: nothing is remembered here.
func (s *ConfigMaps) Forget(Owner) {}

// storeFault says what an answer about a stored inventory means.
func storeFault(err error, verb string, owner Owner) error {
	code := kube.CodeOf(err)
	switch code {
	case fault.Conflict:
		return fault.Wrap(code, err, "the inventory of %s changed while it was being used; another release of the stage is running, wait for it", owner)
	case fault.NotFound:
		return fault.Wrap(code, err, "the namespace %s of organization %s does not exist; create the Organization first", owner.namespace(), owner.Organization)
	case fault.Denied:
		return fault.Wrap(code, err, "Slipway may not %s ConfigMap %s/%s; install the chart's roles again", verb, owner.namespace(), owner.inventory())
	}
	return fault.Wrap(code, err, "%s the inventory of %s", verb, owner)
}
