package cli

import (
	"cmp"
	"context"
	"fmt"

	"github.com/slipway-dev/slipway/internal/apply/desired"
	"github.com/slipway-dev/slipway/internal/apply/diff"
	"github.com/slipway-dev/slipway/internal/apply/inventory"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/naming"
	"github.com/slipway-dev/slipway/internal/release"
)

// liveDiff compares what runs with what was applied last.
type liveDiff struct {
	cluster
	there    place
	streams  Streams
	format   string
	exitCode bool
}

// run shows what differs, with the rights of the user and without writing
// anything.
func (d *liveDiff) run(ctx context.Context, project, stage string) error {
	about, err := d.subject(ctx, project, stage)
	if err != nil {
		return err
	}
	set, err := about.desired(ctx)
	if err != nil {
		return err
	}
	config, err := d.there.config(ctx, &d.cluster, about)
	if err != nil {
		return err
	}
	differences, err := diff.Compare(ctx, config, set)
	if err != nil {
		return err
	}
	if err := d.print(about, differences); err != nil {
		return err
	}
	if d.exitCode && len(differences) > 0 {
		return &findingsError{len(differences)}
	}
	return nil
}

// desired returns what the stage should consist of: the bundle of the release
// that is live, with the replicas that people asked for.
func (s *subject) desired(ctx context.Context) (desired.Set, error) {
	good, err := s.live()
	if err != nil {
		return desired.Set{}, err
	}
	manifests, err := s.bundle(ctx, good)
	if err != nil {
		return desired.Set{}, err
	}
	if manifests, err = release.Scaled(manifests, s.stage.Status.Scale); err != nil {
		return desired.Set{}, fmt.Errorf("put the replicas of %s into its manifests: %w", s, err)
	}
	organization, isOrganization := naming.OrganizationOf(s.stage.Namespace)
	if !isOrganization {
		return desired.Set{}, fault.New(fault.Invalid, "stage %s is in namespace %s, which is no organization's", s, s.stage.Namespace)
	}
	return desired.Set{
		Owner:     inventory.Owner{Organization: organization, Project: s.stage.Spec.Project, Stage: s.stage.Spec.Name},
		Namespace: s.stage.Spec.Namespace,
		Manifests: manifests,
	}, nil
}

// liveDifference is one object that is not as it was left, for programs.
type liveDifference struct {
	Object string      `json:"object"`
	Kind   string      `json:"kind"`
	Reason string      `json:"reason,omitempty"`
	Fields []liveField `json:"fields,omitempty"`
}

// liveField is one field that differs: what it should be, what it is, and who
// made it so.
type liveField struct {
	Path string `json:"path"`
	Want string `json:"want,omitempty"`
	Have string `json:"have,omitempty"`
	By   string `json:"by,omitempty"`
}

// print writes what differs, an object and then its fields.
func (d *liveDiff) print(about *subject, found []diff.Difference) error {
	differences := []liveDifference{}
	for _, one := range found {
		difference := liveDifference{Object: one.Ref.String(), Kind: string(one.Kind), Reason: one.Reason}
		for _, field := range one.Fields {
			difference.Fields = append(difference.Fields, liveField{field.Path, field.Want, field.Have, field.Manager})
		}
		differences = append(differences, difference)
	}
	return output{d.streams, d.format}.print(differences, func(t *table) {
		if len(differences) == 0 {
			t.row(fmt.Sprintf("%s is as release %d left it", about, about.good().Spec.Sequence))
		}
		for _, one := range differences {
			one.text(t)
		}
	})
}

// text writes the lines of one object: what should be with a minus, what is
// with a plus.
func (l liveDifference) text(t *table) {
	if len(l.Fields) == 0 {
		t.marked(heading, l.Object+" is "+l.Kind+": "+l.Reason)
		return
	}
	t.marked(heading, l.Object)
	for _, field := range l.Fields {
		by := ""
		if field.By != "" {
			by = ", by " + field.By
		}
		t.row("  " + field.Path + by)
		t.marked(bad, "  - "+cmp.Or(field.Want, "(absent)"))
		t.marked(good, "  + "+cmp.Or(field.Have, "(absent)"))
	}
}
