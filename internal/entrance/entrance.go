package entrance

import (
	"encoding/json"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/naming"
)

// Entrance is what the gate knows of one preview.
type Entrance struct {
	// Project and Stage are the preview's, as people call them.
	Project string `json:"project"`
	Stage   string `json:"stage"`
	// Hosts are those that requests to the preview are for, in lower case.
	Hosts []string `json:"hosts,omitempty"`
	// Backends are what requests lead to, by the port of the gate that they come in at.
	Backends map[int32]string `json:"backends,omitempty"` // HOST:PORT
	State    State            `json:"state"`
	// Sleep names what put the preview to sleep, while it sleeps.
	Sleep string `json:"sleep,omitempty"`
	// Wall says who may see the preview; nil lets everybody in.
	Wall *Wall `json:"wall,omitempty"`
	// Phase and Message say what the preview's newest release does, or why it failed. Of
	// one that is asleep they say how it last woke in vain.
	Phase   v1alpha1.Phase `json:"phase,omitempty"`
	Message string         `json:"message,omitempty"`
}

// State is whether requests to a preview are answered by its pods.
type State string

// The states of an entrance.
const (
	// Awake says that there are pods.
	Awake State = "awake"
	// Asleep says that there are none until somebody visits the preview.
	Asleep State = "asleep"
	// Starting says that there will be some.
	Starting State = "starting"
)

// Key is the key of an entrance in its ConfigMap.
const Key = "entrance"

// Name returns what the ConfigMap and the Lease of a stage are called.
func Name(stage *v1alpha1.Stage) string { return stage.Namespace + "." + stage.Name }

// StageOf returns the namespace and name of the Stage that an object is named for.
func StageOf(name string) (namespace, stage string, ok bool) { return strings.Cut(name, ".") }

// ConfigMap returns the ConfigMap that holds an entrance.
func (e Entrance) ConfigMap(namespace, name string) (*corev1.ConfigMap, error) {
	text, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("encode the entrance of %s/%s: %w", e.Project, e.Stage, err)
	}
	return &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: labels()},
		Data:       map[string]string{Key: string(text)},
	}, nil
}

// Read returns the entrance that a ConfigMap holds.
func Read(from *corev1.ConfigMap) (Entrance, error) {
	var e Entrance
	if err := json.Unmarshal([]byte(from.Data[Key]), &e); err != nil {
		return Entrance{}, fault.Wrap(fault.Internal, err, "ConfigMap %s/%s holds no entrance", from.Namespace, from.Name)
	}
	return e, nil
}

func labels() map[string]string { return map[string]string{naming.LabelManagedBy: naming.ManagedBy} }
