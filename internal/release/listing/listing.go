package listing

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"reflect"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/release"
)

// Read reads a ReleaseList in JSON. Finished releases are slim (see
// release.SlimRelease), and no release has managed fields. The reader is not closed.
func Read(r io.Reader) (*v1alpha1.ReleaseList, error) {
	var items []v1alpha1.Release
	d := decoder{finished: keysOf(reflect.TypeFor[finished]())}
	c := &cutter{in: bufio.NewReaderSize(r, 64<<10)}
	frame, err := c.cut(func(item []byte) error {
		one, err := d.decode(item)
		if err != nil {
			return fmt.Errorf("item %d: %w", len(items), err)
		}
		items = append(items, *one)
		return nil
	})
	list := &v1alpha1.ReleaseList{}
	if err == nil {
		err = json.Unmarshal(frame, list)
	}
	if err != nil {
		return nil, fmt.Errorf("read a list of releases: %w", err)
	}
	list.TypeMeta, list.Items = metav1.TypeMeta{}, items
	return list, nil
}

// finished is what a slim release is made from.
type finished struct {
	Metadata struct {
		Name              string                  `json:"name"`
		Namespace         string                  `json:"namespace"`
		UID               types.UID               `json:"uid"`
		ResourceVersion   string                  `json:"resourceVersion"`
		Generation        int64                   `json:"generation"`
		CreationTimestamp metav1.Time             `json:"creationTimestamp"`
		DeletionTimestamp *metav1.Time            `json:"deletionTimestamp"`
		OwnerReferences   []metav1.OwnerReference `json:"ownerReferences"`
		Finalizers        []string                `json:"finalizers"`
	} `json:"metadata"`
	Spec   v1alpha1.ReleaseSpec `json:"spec"`
	Status struct {
		ObservedGeneration int64                `json:"observedGeneration"`
		Phase              v1alpha1.Phase       `json:"phase"`
		Message            string               `json:"message"`
		Cause              string               `json:"cause"`
		Services           []service            `json:"services"`
		Bundle             string               `json:"bundle"`
		BundleDigest       string               `json:"bundleDigest"`
		Timings            []v1alpha1.PhaseTime `json:"timings"`
		URL                string               `json:"url"`
		Reported           v1alpha1.Phase       `json:"reported"`
		Conditions         []metav1.Condition   `json:"conditions"`
	} `json:"status"`
}

// service is what a slim release keeps of a service whose build may still run.
type service struct {
	Name  string `json:"name"`
	Job   string `json:"job"`
	Image string `json:"image"`
}

// decoder decodes releases one after the other.
type decoder struct {
	finished keys // that are read of a finished release
	pruned   []byte
}

// decode returns a release, slim when it is finished.
func (d *decoder) decode(raw []byte) (*v1alpha1.Release, error) {
	rest := text(raw)
	d.pruned = rest.prune(d.pruned[:0], d.finished)
	var f finished
	if err := json.Unmarshal(d.pruned, &f); err != nil {
		return nil, err
	}
	r := &v1alpha1.Release{}
	if !f.Status.Phase.Done() {
		if err := json.Unmarshal(raw, r); err != nil {
			return nil, err
		}
		r.ManagedFields = nil
		return r, nil
	}
	m, s := &f.Metadata, &f.Status
	r.ObjectMeta = metav1.ObjectMeta{
		Name: m.Name, Namespace: m.Namespace, UID: m.UID, ResourceVersion: m.ResourceVersion, Generation: m.Generation,
		CreationTimestamp: m.CreationTimestamp, DeletionTimestamp: m.DeletionTimestamp, OwnerReferences: m.OwnerReferences, Finalizers: m.Finalizers,
	}
	r.Spec = f.Spec
	r.Status = v1alpha1.ReleaseStatus{
		ObservedGeneration: s.ObservedGeneration, Phase: s.Phase, Message: s.Message, Cause: s.Cause, Bundle: s.Bundle, BundleDigest: s.BundleDigest,
		Timings: s.Timings, URL: s.URL, Reported: s.Reported, Conditions: s.Conditions,
	}
	for _, one := range s.Services {
		r.Status.Services = append(r.Status.Services, v1alpha1.ReleaseService{Name: one.Name, Job: one.Job, Image: one.Image})
	}
	return release.SlimRelease(r), nil
}
