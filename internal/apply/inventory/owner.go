package inventory

import (
	"github.com/slipway-dev/slipway/internal/naming"
)

// Owner is the stage that owns objects.
type Owner struct {
	Organization string
	Project      string
	Stage        string
}

// Labels returns the labels that name the owner of an object. Every applied
// object gets them; pod templates stay as they were rendered.
func (o Owner) Labels() map[string]string {
	return map[string]string{
		naming.LabelManagedBy:    naming.ManagedBy,
		naming.LabelOrganization: naming.LabelValue(o.Organization),
		naming.LabelProject:      naming.LabelValue(o.Project),
		naming.LabelStage:        naming.LabelValue(o.Stage),
	}
}

// Owns reports whether an object's labels name this stage as its owner. Anybody
// can write labels: they prove nothing.
func (o Owner) Owns(labels map[string]string) bool {
	for key, value := range o.Labels() {
		if labels[key] != value {
			return false
		}
	}
	return true
}

// BelongsToAnother reports whether an object's labels name another stage.
func (o Owner) BelongsToAnother(labels map[string]string) bool {
	return labels[naming.LabelManagedBy] == naming.ManagedBy && labels[naming.LabelStage] != "" && !o.Owns(labels)
}

// String returns the words for the stage in a sentence.
func (o Owner) String() string {
	return "stage " + o.Stage + " of project " + o.Project
}

func (o Owner) namespace() string { return naming.OrganizationNamespace(o.Organization) }

func (o Owner) inventory() string {
	return naming.Inventory(naming.StageObject(o.Project, o.Stage))
}
