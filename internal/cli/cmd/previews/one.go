package previews

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/cli/exit"
	"github.com/slipway-dev/slipway/internal/cli/output"
	"github.com/slipway-dev/slipway/internal/command"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/naming"
	"github.com/slipway-dev/slipway/internal/operate"
)

// numberOf reads a pull request as people write it: 7, #7 or pr-7.
func numberOf(text string) (int64, error) {
	number, err := strconv.ParseInt(strings.TrimPrefix(strings.TrimPrefix(text, "#"), "pr-"), 10, 64)
	if err != nil || number <= 0 {
		return 0, exit.WrongUsage(fmt.Errorf("%.40q is no pull request; give its number, such as 7", text))
	}
	return number, nil
}

// show prints one preview.
func (p *previews) show(ctx context.Context, name, pull string) error {
	number, err := numberOf(pull)
	if err != nil {
		return err
	}
	all, err := p.all(ctx, name)
	if err != nil {
		return err
	}
	for _, one := range all {
		if one.PullRequest != number {
			continue
		}
		return output.New(p.streams, p.format).Print(one, func(t *output.Table) {
			t.Marked(mark(one), fmt.Sprint("#", one.PullRequest), one.State)
			for _, fact := range [][2]string{
				{"stage", one.Stage}, {"commit", one.Commit}, {"running", one.Running}, {"phase", string(one.Phase)},
				{"url", one.URL}, {"ends in", ends(one.Expires)}, {"message", one.Message},
			} {
				t.Row(fact[0], output.Dash(fact[1]))
			}
		})
	}
	return fault.New(fault.NotFound, "pull request %d of project %s has no preview, and none is kept from it; see `slipway previews %s`", number, name, name)
}

// extend lets a preview live longer.
func (p *previews) extend(ctx context.Context, name, pull, by string) error {
	number, err := numberOf(pull)
	if err != nil {
		return err
	}
	duration, err := command.ParseExtension(by)
	if err != nil {
		return exit.WrongUsage(errors.New(fault.MessageOf(err)))
	}
	c, err := p.Client()
	if err != nil {
		return err
	}
	stage, err := p.StageWith(ctx, c, name, naming.StageForPullRequest("", number))
	if err != nil {
		return err
	}
	user, err := operate.WhoAmI(ctx, c)
	if err != nil {
		return err
	}
	until, err := stage.Extend(ctx, operate.Actor{Name: user}, time.Now(), duration)
	if err != nil {
		return err
	}
	fmt.Fprintf(p.streams.Err, "%s does not end before %s, if %s may deploy\n", stage, until.Format("2006-01-02 15:04 MST"), user)
	return output.New(p.streams, p.format).Print(stage.Object.Spec.Extension, func(*output.Table) {})
}
