package apply

import (
	"context"
	"encoding/json"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
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
}

// ConfigMaps is a Store of ConfigMaps in the organizations' namespaces on the
// control cluster, where no stage can reach them.
type ConfigMaps struct {
	rest *rest.RESTClient
}

var _ Store = (*ConfigMaps)(nil)

// NewConfigMaps returns a store on the control cluster, for the server's own
// identity.
func NewConfigMaps(config *rest.Config) (*ConfigMaps, error) {
	client, err := newRESTClient(config)
	if err != nil {
		return nil, fmt.Errorf("inventory store: %w", err)
	}
	return &ConfigMaps{rest: client}, nil
}

// labelInventory marks the ConfigMaps that hold inventories.
const labelInventory = "slipway.dev/inventory"

// Load implements Store.
func (s *ConfigMaps) Load(ctx context.Context, owner Owner) (*Inventory, error) {
	body, err := s.rest.Get().AbsPath(s.path(owner, owner.inventory())...).SetHeader("Accept", "application/json").Do(ctx).Raw()
	if apierrors.IsNotFound(err) {
		return &Inventory{Owner: owner}, nil
	}
	if err != nil {
		return nil, storeFault(err, "read", owner)
	}
	var stored corev1.ConfigMap
	if err := json.Unmarshal(body, &stored); err != nil {
		return nil, fmt.Errorf("decode ConfigMap %s/%s: %w", owner.namespace(), owner.inventory(), err)
	}
	key, data := compressedKey, stored.BinaryData[compressedKey]
	if data == nil {
		key, data = plainKey, []byte(stored.Data[plainKey])
	}
	inventory, err := decodeInventory(owner, key, data)
	if err != nil {
		return nil, err
	}
	inventory.version = stored.ResourceVersion
	return inventory, nil
}

// Save implements Store.
func (s *ConfigMaps) Save(ctx context.Context, inventory *Inventory) error {
	key, data, err := inventory.encode()
	if err != nil {
		return err
	}
	owner := inventory.Owner
	object := corev1.ConfigMap{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"},
		ObjectMeta: metav1.ObjectMeta{
			Name: owner.inventory(), Namespace: owner.namespace(), ResourceVersion: inventory.version,
			Labels: map[string]string{
				naming.LabelManagedBy: naming.ManagedBy,
				labelInventory:        "true",
				naming.LabelProject:   naming.LabelValue(owner.Project),
				naming.LabelStage:     naming.LabelValue(owner.Stage),
			},
		},
	}
	if key == compressedKey {
		object.BinaryData = map[string][]byte{key: data}
	} else {
		object.Data = map[string]string{key: string(data)}
	}
	body, err := json.Marshal(object)
	if err != nil {
		return fmt.Errorf("encode ConfigMap %s/%s: %w", owner.namespace(), owner.inventory(), err)
	}
	request := s.rest.Put().AbsPath(s.path(owner, owner.inventory())...)
	if inventory.version == "" {
		request = s.rest.Post().AbsPath(s.path(owner)...)
	}
	meta, err := metadataOf(request.Param("fieldManager", FieldManager).
		SetHeader("Content-Type", "application/json").SetHeader("Accept", acceptMetadata).Body(body).Do(ctx))
	if err != nil {
		return storeFault(err, "save", owner)
	}
	inventory.version = meta.ResourceVersion
	return nil
}

// Delete implements Store.
func (s *ConfigMaps) Delete(ctx context.Context, inventory *Inventory) error {
	if inventory.version == "" {
		return nil
	}
	options := metav1.DeleteOptions{Preconditions: &metav1.Preconditions{ResourceVersion: &inventory.version}}
	body, err := json.Marshal(options)
	if err != nil {
		return fmt.Errorf("encode delete options: %w", err)
	}
	err = s.rest.Delete().AbsPath(s.path(inventory.Owner, inventory.Owner.inventory())...).
		SetHeader("Content-Type", "application/json").Body(body).Do(ctx).Error()
	if err != nil && !apierrors.IsNotFound(err) {
		return storeFault(err, "delete", inventory.Owner)
	}
	inventory.version = ""
	return nil
}

func (s *ConfigMaps) path(owner Owner, name ...string) []string {
	return append([]string{"api", "v1", "namespaces", owner.namespace(), "configmaps"}, name...)
}

func storeFault(err error, verb string, owner Owner) error {
	switch {
	case apierrors.IsConflict(err), apierrors.IsAlreadyExists(err):
		return fault.Wrap(fault.Conflict, err, "the inventory of %s changed while it was being used; another release of the stage is running, wait for it", owner)
	case apierrors.IsNotFound(err):
		return fault.Wrap(fault.NotFound, err, "the namespace %s of organization %s does not exist; create the Organization first", owner.namespace(), owner.Organization)
	case apierrors.IsForbidden(err):
		return fault.Wrap(fault.Denied, err, "Slipway may not %s ConfigMap %s/%s; install the chart's roles again", verb, owner.namespace(), owner.inventory())
	}
	return fault.Wrap(kube.CodeOf(err), err, "%s the inventory of %s", verb, owner)
}
