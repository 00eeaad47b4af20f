package target

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/naming"
	"github.com/slipway-dev/slipway/internal/render"
)

// maxTemplates is how many templates an organization may have of its own.
const maxTemplates = 100

// OwnTemplates reads the service templates of an organization, and what it
// fixes. ConfigMaps come from the API server.
func OwnTemplates(ctx context.Context, c client.Reader, organization string) (render.OwnTemplates, error) {
	var org v1alpha1.Organization
	if err := c.Get(ctx, client.ObjectKey{Name: organization}, &org); err != nil {
		return render.OwnTemplates{}, fault.Wrap(fault.Unavailable, err, "organization %s could not be read", organization)
	}
	own := render.OwnTemplates{Templates: map[string][]byte{}}
	var err error
	if own.Locks, err = locks(org.Spec.Templates.Locks); err != nil {
		return render.OwnTemplates{}, err
	}
	for _, name := range org.Spec.Templates.ConfigMaps {
		if err := addTemplates(ctx, c, organization, name, own.Templates); err != nil {
			return render.OwnTemplates{}, err
		}
	}
	return own, nil
}

// addTemplates reads the descriptors in one ConfigMap.
func addTemplates(ctx context.Context, c client.Reader, organization, name string, all map[string][]byte) error {
	key := client.ObjectKey{Namespace: naming.OrganizationNamespace(organization), Name: name}
	var found corev1.ConfigMap
	err := c.Get(ctx, key, &found)
	if apierrors.IsNotFound(err) {
		return fault.Wrap(fault.NotFound, err, "ConfigMap %s with the organization's templates does not exist; create it, or remove it from the Organization's spec.templates.configMaps", key)
	}
	if err != nil {
		return fault.Wrap(fault.Unavailable, err, "ConfigMap %s could not be read", key)
	}
	for _, file := range slices.Sorted(maps.Keys(found.Data)) {
		if !strings.HasSuffix(file, ".yaml") {
			continue
		}
		all[name+"/"+file] = []byte(found.Data[file])
	}
	if len(all) > maxTemplates {
		return fault.New(fault.Invalid, "organization %s has more than %d templates of its own; remove some from its ConfigMaps", organization, maxTemplates)
	}
	return nil
}

// locks returns fixed parameters by template and parameter.
func locks(list []v1alpha1.TemplateLock) (map[string]map[string]any, error) {
	all := map[string]map[string]any{}
	for _, lock := range list {
		decoder := json.NewDecoder(strings.NewReader(string(lock.Value.Raw)))
		decoder.UseNumber()
		var value any
		if err := decoder.Decode(&value); err != nil {
			return nil, fault.Wrap(fault.Invalid, err, "the organization's lock of %s of the template %s is no value", lock.Parameter, lock.Template)
		}
		if all[lock.Template] == nil {
			all[lock.Template] = map[string]any{}
		}
		all[lock.Template][lock.Parameter] = value
	}
	return all, nil
}

// CheckTemplates reports what is wrong with an organization's templates before
// a project uses one.
func CheckTemplates(ctx context.Context, c client.Reader, organization string) error {
	own, err := OwnTemplates(ctx, c, organization)
	if err != nil {
		return err
	}
	if err := render.CheckTemplates(own); err != nil {
		return fmt.Errorf("templates of organization %s: %w", organization, err)
	}
	return nil
}
