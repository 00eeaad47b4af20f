package guard

import (
	"fmt"
	"slices"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
)

// maxFindings is how many findings one object gets; a person repairs the first
// few and looks again.
const maxFindings = 50

// Policy is what a stage's manifests are held to.
type Policy struct {
	// Namespace is the only one that objects may name.
	Namespace string
	// Kinds are allowed besides the usual ones, each "Kind.group", or "Kind"
	// for the core group. Kinds that give rights are refused all the same.
	Kinds []string
	// Registries are where images may come from: a host, or a host and the
	// first elements of a path. Empty allows any.
	Registries []string
	// Builds is the path of the cluster's registry that images of organizations and
	// projects lie below, host or host/prefix; empty when it is not known.
	Builds string
	// Open are the paths below Builds whose images the stage may use: its project's
	// own, and what is shared.
	Open []string
	// Apart is the path below Builds where the project's images of untrusted code are;
	// of those the stage may use only what is below Class, if it has one.
	Apart, Class string
	// PodSecurity is the level that pods are held to; empty means contained.
	PodSecurity v1alpha1.PodSecurity
	// Hosts are the hosts that the project was given besides its stages' own ones
	// below the domain; "*.x" stands for all below x. A nil slice allows any.
	Hosts []string
	// Domain is the cluster's base domain: right below it a project may have
	// the hosts that Slipway gives it, and those that nobody is given.
	Domain string
	// Project and Stage are whose manifests they are.
	Project, Stage string
	// Given are hosts below the domain that this stage was given.
	Given []string
	// Reserved are hosts that no project may use; "*.x" stands for all below x.
	Reserved []string
	// Taken are those of the manifests' hosts that another project of the
	// cluster uses.
	Taken []string
	// Gateway is the only Gateway that routes may hang on, "namespace/name";
	// empty allows none.
	Gateway string
	// IngressClass is the only class that Ingresses may have; empty allows any.
	IngressClass string
	// Metadata are keys of labels and annotations that are allowed besides the
	// usual ones: a key, or "prefix/*".
	Metadata []string
	// PriorityClasses and RuntimeClasses are the ones that pods may have; empty
	// allows none.
	PriorityClasses, RuntimeClasses []string
	// Allow are permissions that pods have.
	Allow []v1alpha1.Permission
}

// Finding is one thing that manifests may not contain.
type Finding struct {
	// Object is Kind/name.
	Object string
	// Field is the path in the object, empty for the object itself.
	Field string
	// File is where the object comes from, empty while nobody looked: see
	// Locate.
	File string
	// Rule is the name of the rule that refuses it.
	Rule Rule
	// Message says what is wrong and what to do.
	Message string
}

// String returns the finding as one sentence.
func (f Finding) String() string {
	place := f.Object
	if f.Field != "" {
		place += ": " + f.Field
	}
	from := ""
	if f.File != "" {
		from = ", from " + f.File
	}
	return fmt.Sprintf("%s: %s (rule %s%s)", place, f.Message, f.Rule, from)
}

// Locate adds to findings the files that their objects come from, which are
// given by Kind/name.
func Locate(findings []Finding, files map[string]string) []Finding {
	located := slices.Clone(findings)
	for i := range located {
		located[i].File = clip(files[located[i].Object])
	}
	return located
}

// Check returns everything in the manifests (YAML documents) that the policy
// does not allow, in the order of the documents. An error means that the
// manifests can't be read at all.
func Check(manifests []byte, policy Policy) ([]Finding, error) {
	var all []Finding
	seen := map[string]bool{}
	err := each(manifests, func(o object) {
		c := check{policy: policy, object: o}
		c.identity(seen)
		c.metadata("metadata", o.fields["metadata"])
		c.kind()
		all = append(all, c.findings...)
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

// check collects the findings of one object.
type check struct {
	policy   Policy
	object   object
	findings []Finding
}

// refuse adds a finding. What authors chose themselves is shown clipped and
// without control characters, so that it can't pass for words of ours.
func (c *check) refuse(rule Rule, field, format string, args ...any) {
	if c.full() {
		return
	}
	for i, arg := range args {
		if s, ok := arg.(string); ok {
			args[i] = clip(s)
		}
	}
	c.findings = append(c.findings, Finding{
		Object:  clip(c.object.kind + "/" + c.object.name),
		Field:   clip(field),
		Rule:    rule,
		Message: fmt.Sprintf(format, args...),
	})
}

// full reports whether no further finding would be kept.
func (c *check) full() bool { return len(c.findings) == maxFindings }

// only refuses every field of a map that is set and not allowed. A field that
// says nothing (false, 0, empty) is let through.
func (c *check) only(rule Rule, at string, value any, allowed []string) {
	for _, name := range keys(value) {
		if set(value, name) && !slices.Contains(allowed, name) {
			c.refuse(rule, join(at, name), "is not allowed in a stage; remove it")
		}
	}
}
