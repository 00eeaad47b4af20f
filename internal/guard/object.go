package guard

import (
	"fmt"
	"slices"

	"github.com/slipway-dev/slipway/internal/naming"
)

// configMap has nothing to look at: a ConfigMap's data is read by the stage's
// own pods only.
func (c *check) configMap() {}

// secret refuses values in plain text: whatever is in git is known to all who
// can read it. Those that rendering generated are in no repository; rendering
// says so, and takes the annotation from all others. It refuses types that the
// cluster fills with credentials.
func (c *check) secret() {
	generated := text(at(c.object.fields, "metadata", "annotations"), naming.AnnotationGenerated) != ""
	for _, name := range []string{"data", "stringData"} {
		if !generated && set(c.object.fields, name) {
			c.refuse(RulePlaintextSecret, name, "holds values in plain text; keep them out of git: name an existing Secret in the service's secrets")
		}
	}
	if kind := text(c.object.fields, "type"); kind != "" && kind != "Opaque" {
		c.refuse(RuleSecretType, "type", "%s is filled or acted upon by the cluster; leave it out", kind)
	}
}

func (c *check) account() {
	if c.object.name == naming.StageServiceAccount || c.object.name == "default" {
		c.refuse(RuleAccount, "metadata.name", "is reserved; choose another name")
	}
	if set(c.object.fields, "secrets") {
		c.refuse(RuleAccount, "secrets", "would bind tokens to the account; remove it")
	}
}

func (c *check) claimObject() { c.claim("spec", c.object.fields["spec"]) }

// claim refuses to take a volume by name: it may be somebody else's.
func (c *check) claim(at string, spec any) {
	for _, name := range []string{"volumeName", "dataSource", "dataSourceRef", "selector"} {
		if set(spec, name) {
			c.refuse(RuleVolume, join(at, name), "could take the data of others; remove it")
		}
	}
	if mode := text(spec, "volumeMode"); mode != "" && mode != "Filesystem" {
		c.refuse(RuleVolume, join(at, "volumeMode"), "%s gives a raw device, which may show what others left on it; remove it", mode)
	}
	c.only(RuleVolume, at, spec, []string{
		"accessModes", "resources", "storageClassName", "volumeMode", "volumeAttributesClassName",
		"volumeName", "dataSource", "dataSourceRef", "selector", // refused above
	})
}

// workload checks an object whose spec holds a pod template.
func (c *check) workload() { c.template("spec.template", at(c.object.fields, "spec", "template")) }

func (c *check) statefulSet() {
	for i, claim := range list(c.object.fields["spec"], "volumeClaimTemplates") {
		path := fmt.Sprintf("spec.volumeClaimTemplates[%d]", i)
		c.metadata(path+".metadata", field(claim, "metadata"))
		c.claim(path+".spec", field(claim, "spec"))
	}
	c.workload()
}

func (c *check) job() { c.jobSpec("spec", c.object.fields["spec"]) }

func (c *check) cronJob() {
	template := at(c.object.fields, "spec", "jobTemplate")
	c.metadata("spec.jobTemplate.metadata", field(template, "metadata"))
	c.jobSpec("spec.jobTemplate.spec", field(template, "spec"))
}

func (c *check) jobSpec(path string, spec any) {
	for _, name := range []string{"managedBy", "scheduling"} {
		if set(spec, name) {
			c.refuse(RuleJob, join(path, name), "would hand the Job to another controller; remove it")
		}
	}
	c.template(path+".template", field(spec, "template"))
}

// scaler keeps autoscalers to the stage's workloads.
func (c *check) scaler() {
	target := at(c.object.fields, "spec", "scaleTargetRef")
	kind := text(target, "apiVersion") + " " + text(target, "kind")
	if !slices.Contains([]string{"apps/v1 Deployment", "apps/v1 StatefulSet"}, kind) {
		c.refuse(RuleScaler, "spec.scaleTargetRef", "is %q; only a Deployment or StatefulSet of apps/v1 can be scaled", kind)
	}
	for i, metric := range list(c.object.fields["spec"], "metrics") {
		if kind := text(metric, "type"); !slices.Contains([]string{"Resource", "ContainerResource", "Pods"}, kind) {
			c.refuse(RuleScaler, fmt.Sprintf("spec.metrics[%d].type", i), "%q looks outside the stage's pods; use Resource, ContainerResource or Pods", kind)
		}
	}
}

// disruption refuses budgets that would keep nodes from being maintained.
func (c *check) disruption() {
	spec := c.object.fields["spec"]
	if most := field(spec, "maxUnavailable"); most != nil && percent(most) == 0 {
		c.refuse(RuleDisruption, "spec.maxUnavailable", "never lets a pod be moved, so that its node can't be maintained; set 1")
	}
	if least, isText := field(spec, "minAvailable").(string); isText && percent(least) >= 100 {
		c.refuse(RuleDisruption, "spec.minAvailable", "never lets a pod be moved, so that its node can't be maintained; set maxUnavailable: 1")
	}
}

// percent returns the number of a number or a percentage; 0 when it is none.
func percent(value any) int {
	n := 0
	if _, err := fmt.Sscanf(fmt.Sprint(value), "%d", &n); err != nil {
		return 0
	}
	return n
}
