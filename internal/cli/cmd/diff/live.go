package diff

import (
	"cmp"
	"context"
	"fmt"

	"github.com/slipway-dev/slipway/internal/apply/diff"
	"github.com/slipway-dev/slipway/internal/cli/control"
	"github.com/slipway-dev/slipway/internal/cli/exit"
	"github.com/slipway-dev/slipway/internal/cli/output"
	"github.com/slipway-dev/slipway/internal/cli/stream"
	"github.com/slipway-dev/slipway/internal/operate"
)

// liveDiff compares what runs with what was applied last.
type liveDiff struct {
	control.Connection
	there    control.StageCluster
	streams  stream.Streams
	format   string
	exitCode bool
}

// run shows what differs, with the rights of the user and without writing
// anything.
func (d *liveDiff) run(ctx context.Context, project, name string) error {
	stage, err := d.Stage(ctx, project, name)
	if err != nil {
		return err
	}
	set, err := stage.Desired(ctx)
	if err != nil {
		return err
	}
	config, err := d.there.Config(ctx, &d.Connection, stage)
	if err != nil {
		return err
	}
	differences, err := diff.Compare(ctx, config, set)
	if err != nil {
		return err
	}
	if err := d.print(stage, differences); err != nil {
		return err
	}
	if d.exitCode && len(differences) > 0 {
		return exit.Found(len(differences))
	}
	return nil
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
func (d *liveDiff) print(stage *operate.Stage, found []diff.Difference) error {
	differences := []liveDifference{}
	for _, one := range found {
		difference := liveDifference{Object: one.Ref.String(), Kind: string(one.Kind), Reason: one.Reason}
		for _, field := range one.Fields {
			difference.Fields = append(difference.Fields, liveField{field.Path, field.Want, field.Have, field.Manager})
		}
		differences = append(differences, difference)
	}
	return output.New(d.streams, d.format).Print(differences, func(t *output.Table) {
		if len(differences) == 0 {
			t.Row(fmt.Sprintf("%s is as release %d left it", stage, stage.Good().Spec.Sequence))
		}
		for _, one := range differences {
			one.text(t)
		}
	})
}

// text writes the lines of one object: what should be with a minus, what is
// with a plus.
func (l liveDifference) text(t *output.Table) {
	if len(l.Fields) == 0 {
		t.Marked(output.Heading, l.Object+" is "+l.Kind+": "+l.Reason)
		return
	}
	t.Marked(output.Heading, l.Object)
	for _, field := range l.Fields {
		by := ""
		if field.By != "" {
			by = ", by " + field.By
		}
		t.Row("  " + field.Path + by)
		t.Marked(output.Bad, "  - "+cmp.Or(field.Want, "(absent)"))
		t.Marked(output.Good, "  + "+cmp.Or(field.Have, "(absent)"))
	}
}
