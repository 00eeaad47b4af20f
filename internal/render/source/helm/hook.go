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
	"github.com/slipway-dev/slipway/internal/render/tree"
	"github.com/slipway-dev/slipway/internal/render/workload"
)

const hookAnnotation = "helm.sh/hook"

// fate is what becomes of a rendered object.
type fate int

const (
	fateKeep fate = iota
	fateRelease
	fateDrop
	fateRefuse
)

// sortOut keeps the objects of rendered templates and decides about hooks.
func sortOut(rendered map[string]string, s source.Service) (source.Base, error) {
	var base source.Base
	for i, name := range slices.Sorted(maps.Keys(rendered)) {
		if path.Base(name) == "NOTES.txt" || strings.TrimSpace(rendered[name]) == "" {
			continue
		}
		text, warnings, err := sortOutFile(name, rendered[name], s)
		if err != nil {
			return source.Base{}, err
		}
		base.Warnings = append(base.Warnings, warnings...)
		if text == "" {
			continue
		}
		_, inside, _ := strings.Cut(name, "/") // the first element is the chart's name
		base.Files = append(base.Files, source.Manifest{
			Name: fmt.Sprintf("%03d-%s.yaml", i, strings.TrimSuffix(path.Base(name), path.Ext(name))),
			Data: []byte(text), From: path.Join(s.Spec.Helm.Chart, inside),
		})
	}
	return base, nil
}

func sortOutFile(name, rendered string, s source.Service) (string, []string, error) {
	documents, err := tree.Documents(name, []byte(rendered), s.Limits)
	if err != nil {
		return "", nil, refuse(s, "it renders what can't be read: %v", err)
	}
	var kept, warnings []string
	for _, document := range documents {
		object := yaml.NewRNode(document)
		if object.IsNilOrEmpty() || object.YNode().Kind != yaml.MappingNode {
			continue
		}
		warning, keep, err := decide(object, name, s)
		if err != nil {
			return "", nil, err
		}
		if warning != "" {
			warnings = append(warnings, warning)
		}
		if !keep {
			continue
		}
		text, err := object.String()
		if err != nil {
			return "", nil, refuse(s, "the object in %s can't be written: %s", name, brief(err))
		}
		kept = append(kept, text)
	}
	return strings.Join(kept, "---\n"), warnings, nil
}

// decide applies the fate of one object; a hook that is kept loses what made
// it one for Helm.
func decide(object *yaml.RNode, name string, s source.Service) (warning string, keep bool, err error) {
	hooks := object.GetAnnotations()[hookAnnotation]
	if hooks == "" {
		return "", true, nil
	}
	label := fmt.Sprintf("%s %s", object.GetKind(), object.GetName())
	switch fateOf(hooks, object.GetKind()) {
	case fateDrop:
		return fmt.Sprintf("service %s: the hook %s (%s) is left out", s.Name, label, hooks), false, nil
	case fateRefuse:
		return "", false, refuse(s, "the hook %s (%s) in %s would have to run after the release, which nothing here does; switch it off in the values", label, hooks, name)
	case fateRelease:
		return "", true, becomeRelease(object)
	}
	return "", true, clearHook(object)
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
	case before && kind == "Job":
		return fateRelease
	}
	return fateRefuse
}

// becomeRelease makes a Job one that Slipway runs before the workloads. Its
// name changes with its content, because a Job can't be changed.
func becomeRelease(object *yaml.RNode) error {
	if err := clearHook(object); err != nil {
		return err
	}
	text, err := object.MarshalJSON()
	if err != nil {
		return fmt.Errorf("name a release job: %w", err)
	}
	sum := sha256.Sum256(text)
	name := object.GetName()
	name = strings.TrimRight(name[:min(len(name), 50)], "-.") + "-" + hex.EncodeToString(sum[:5])
	if err := object.SetName(name); err != nil {
		return fmt.Errorf("name a release job: %w", err)
	}
	return object.PipeE(yaml.SetAnnotation(workload.AnnotationHook, workload.HookRelease))
}

func clearHook(object *yaml.RNode) error {
	for _, annotation := range []string{hookAnnotation, "helm.sh/hook-weight", "helm.sh/hook-delete-policy", "helm.sh/hook-output-log-policy"} {
		if err := object.PipeE(yaml.ClearAnnotation(annotation)); err != nil {
			return fmt.Errorf("clear annotation %s: %w", annotation, err)
		}
	}
	return yaml.ClearEmptyAnnotations(object)
}
