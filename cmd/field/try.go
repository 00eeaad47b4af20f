package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/guard"
	"github.com/slipway-dev/slipway/internal/naming"
	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/release"
	"github.com/slipway-dev/slipway/internal/render"
)

// digest stands for what only a build or a registry knows.
const digest = "sha256:0000000000000000000000000000000000000000000000000000000000000000"

// outcome is what became of a candidate.
type outcome struct {
	objects  int
	warnings []string
	// refused are the reasons, empty when it is accepted. Placeless reports
	// whether one of them says no file and line.
	refused   []string
	placeless bool
	// pasted says that it is accepted with an overlay that holds the patches that
	// the reasons show.
	pasted bool
}

// try renders a candidate, and checks it against the policy that clusters
// have by default.
func try(ctx context.Context, c candidate) outcome {
	var first outcome
	for i, service := range c.services {
		made := tryService(ctx, os.DirFS(c.root), service, nil)
		if len(made.refused) == 0 {
			return made
		}
		if i == 0 {
			first = made
		}
	}
	if overlay := pasted(first.refused); overlay != "" {
		overlays := []render.OverlayReference{{Directory: overlayDir}}
		first.pasted = len(tryService(ctx, withOverlay{os.DirFS(c.root), overlay}, c.services[0], overlays).refused) == 0
	}
	return first
}

// refusedByOriginal says on one line why kustomize or helm refuse a candidate.
func refusedByOriginal(c candidate) error {
	if c.original == nil {
		return nil
	}
	err := c.original()
	if err == nil {
		return nil
	}
	const most = 160
	text := strings.Join(strings.Fields(err.Error()), " ")
	return errors.New(text[:min(len(text), most)])
}

// inProcess renders here: the corpus is what its fetcher chose.
type inProcess struct{}

func (inProcess) Render(ctx context.Context, tree fs.FS, request render.Request) (render.Result, error) {
	files, err := render.Collect(ctx, tree, request, render.DefaultLimits())
	if err != nil {
		return render.Result{}, err
	}
	return render.Render(ctx, request, files)
}

// tryService renders one service as the only one of a stage.
func tryService(ctx context.Context, tree fs.FS, service project.Service, overlays []render.OverlayReference) outcome {
	at := release.Place{Organization: "field", Project: "field", Stage: "field", Namespace: naming.Namespace("field", "field", "field")}
	request := render.Request{
		Organization: at.Organization, Project: at.Project, Stage: at.Stage, Namespace: at.Namespace,
		Services: map[string]project.Service{"field": service}, Images: map[string]string{},
		Overlays: overlays,
	}
	builds, err := render.Builds(ctx, inProcess{}, tree, request)
	if err != nil {
		return refused(err)
	}
	for name := range builds {
		request.Images[name] = "unbuilt.slipway.local/" + name + "@" + digest
	}
	result, err := inProcess{}.Render(ctx, tree, request)
	if err != nil {
		return refused(err)
	}
	findings, err := check(result, at)
	if err != nil {
		return refused(err)
	}
	made := outcome{objects: strings.Count("\n"+string(result.Manifests), "\nkind: "), warnings: result.Warnings}
	for _, finding := range findings {
		made.refused = append(made.refused, finding.String())
	}
	return made
}

// check asks the guard, with every image by digest.
func check(result render.Result, at release.Place) ([]guard.Finding, error) {
	digests := map[string]string{}
	for _, ref := range result.Images {
		digests[ref] = digest
	}
	manifests, err := render.Pin(result.Manifests, digests)
	if err != nil {
		return nil, err
	}
	return guard.Check(manifests, release.Policy(at))
}

// place is how a reason begins that says where.
var place = regexp.MustCompile(`^[^ :]+\.[a-z]+(:[0-9]+)?: `)

func refused(err error) outcome {
	made := outcome{refused: strings.Split(fault.MessageOf(err), "\n")}
	if fault.CodeOf(err) != fault.Invalid {
		made.refused = []string{"FAULT: " + err.Error()}
	}
	made.placeless = slices.ContainsFunc(made.refused, func(reason string) bool { return !place.MatchString(reason) })
	return made
}

func (o outcome) print(c candidate, reasons bool) {
	name := c.repository + "/" + c.name
	if len(o.refused) == 0 {
		fmt.Printf("accepted  %s: %d objects, %d warnings\n", name, o.objects, len(o.warnings))
	} else {
		fmt.Printf("refused   %s: %s", name, o.refused[0])
		if more := len(o.refused) - 1; more > 0 && !reasons {
			fmt.Printf(" (and %d more)", more)
		}
		if o.pasted {
			fmt.Print(" (accepted with the patches that the reasons show)")
		}
		fmt.Println()
	}
	if !reasons {
		return
	}
	for _, reason := range o.refused[min(1, len(o.refused)):] {
		fmt.Println("          " + reason)
	}
	for _, warning := range o.warnings {
		fmt.Println("  warning " + warning)
	}
}

// total counts outcomes.
type total struct{ tried, rendered, accepted, pasted, reasons, placeless int }

func (t *total) add(o outcome) {
	t.tried++
	t.reasons += len(o.refused)
	if len(o.refused) == 0 {
		t.accepted++
	}
	if o.objects > 0 || len(o.refused) == 0 {
		t.rendered++
	}
	if o.pasted {
		t.pasted++
	}
	if o.placeless {
		t.placeless++
	}
}

func printTotals(kind string, totals map[string]*total) {
	fmt.Printf("\n%s by repository, accepted of tried:\n", kind)
	for _, name := range slices.Sorted(maps.Keys(totals)) {
		if name != "all" {
			fmt.Printf("  %3d of %3d  %s\n", totals[name].accepted, totals[name].tried, name)
		}
	}
	if all := totals["all"]; all != nil {
		fmt.Printf("%s: %d tried, %d rendered, %d accepted, %d more with the patches that the reasons show; %d reasons against the others, of which %d have one without a place\n",
			kind, all.tried, all.rendered, all.accepted, all.pasted, all.reasons, all.placeless)
	}
}
