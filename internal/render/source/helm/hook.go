package helm

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/slipway-dev/slipway/internal/render/source"
	"github.com/slipway-dev/slipway/internal/render/workload"
)

const hookAnnotation = "helm.sh/hook"

// fate is what becomes of a rendered object.
type fate int

const (
	fateKeep fate = iota
	fateRelease
	fateOnce
	fateDrop
	fateRefuse
)

// object is one rendered object that is kept.
type object struct {
	file string // the template, from the chart's name on
	node *yaml.RNode
}

// name returns kind and name for messages.
func (o object) name() string { return o.node.GetKind() + " " + o.node.GetName() }

// sortOut keeps the objects of rendered templates, by template, and decides about
// hooks. The warnings say what is left out.
func sortOut(rendered map[string]string, s source.Service) (kept []object, warnings []string, err error) {
	for _, name := range slices.Sorted(maps.Keys(rendered)) {
		if path.Base(name) == "NOTES.txt" {
			continue
		}
		nodes, err := split(name, rendered[name], s)
		if err != nil {
			return nil, nil, err
		}
		for _, node := range nodes {
			warning, keep, err := decide(node, name, s)
			if err != nil {
				return nil, nil, err
			}
			if warning != "" {
				warnings = append(warnings, warning)
			}
			if keep {
				kept = append(kept, object{name, node})
			}
		}
	}
	return kept, warnings, nil
}

// decide applies the fate of one object; a hook that is kept loses what made
// it one for Helm.
func decide(node *yaml.RNode, name string, s source.Service) (warning string, keep bool, err error) {
	hooks := node.GetAnnotations()[hookAnnotation]
	if hooks == "" {
		return "", true, nil
	}
	label := fmt.Sprintf("%s %s", node.GetKind(), node.GetName())
	switch fateOf(hooks, node.GetKind()) {
	case fateDrop:
		return fmt.Sprintf("service %s: the hook %s (%s) is left out", s.Name, label, hooks), false, nil
	case fateRefuse:
		return "", false, refuse(s, "the hook %s (%s) in %s is a pod of its own, which nothing here runs; switch it off in the values", label, hooks, inRepository(name, s))
	case fateRelease:
		return "", true, becomeJob(node, workload.HookRelease)
	case fateOnce:
		warning = fmt.Sprintf("service %s: the hook %s (%s) runs beside the workloads, once for each version of it", s.Name, label, hooks)
		return warning, true, becomeJob(node, workload.HookOnce)
	}
	return "", true, clearHook(node)
}

func fateOf(hooks, kind string) fate {
	var before, after bool
	for hook := range strings.SplitSeq(hooks, ",") {
		switch strings.TrimSpace(hook) {
		case "pre-install", "pre-upgrade":
			before = true
		case "post-install", "post-upgrade":
			after = true
		}
	}
	runs := kind == "Job" || kind == "Pod"
	switch {
	case !before && !after:
		return fateDrop
	case !runs:
		return fateKeep
	case kind == "Pod":
		return fateRefuse
	case before:
		return fateRelease
	}
	return fateOnce
}

// becomeJob makes a Job one that Slipway runs before the workloads, or beside them.
// Its name changes with its content, because a Job can't be changed.
func becomeJob(object *yaml.RNode, hook string) error {
	if err := clearHook(object); err != nil {
		return err
	}
	text, err := object.MarshalJSON()
	if err != nil {
		return fmt.Errorf("name a job: %w", err)
	}
	sum := sha256.Sum256(text)
	name := object.GetName()
	name = strings.TrimRight(name[:min(len(name), 50)], "-.") + "-" + hex.EncodeToString(sum[:5])
	if err := object.SetName(name); err != nil {
		return fmt.Errorf("name a job: %w", err)
	}
	return object.PipeE(yaml.SetAnnotation(workload.AnnotationHook, hook))
}

func clearHook(object *yaml.RNode) error {
	for _, annotation := range []string{hookAnnotation, "helm.sh/hook-weight", "helm.sh/hook-delete-policy", "helm.sh/hook-output-log-policy"} {
		if err := object.PipeE(yaml.ClearAnnotation(annotation)); err != nil {
			return fmt.Errorf("clear annotation %s: %w", annotation, err)
		}
	}
	return yaml.ClearEmptyAnnotations(object)
}
