package cli

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
)

// Waits of following a release.
const (
	// silence is after how long of nothing the command says that nobody takes
	// the release up.
	silence = 15 * time.Second
	// rewatch is the pause before a watch that ended is begun again.
	rewatch = 500 * time.Millisecond
	// weighing is how long the server may take to weigh a verdict on a held
	// release.
	weighing = 10 * time.Second
)

// stageCommand is what the commands share that ask something of a stage.
type stageCommand struct {
	cluster
	streams Streams
	format  string
	noWait  bool
	reason  string
}

// waits adds the flags of a command that asks for a release and waits for it.
func (s *stageCommand) waits(command *cobra.Command) {
	s.flags(command)
	outputFlag(command, &s.format)
	flags := command.Flags()
	flags.BoolVar(&s.noWait, "no-wait", false, "return as soon as the release is asked for")
	flags.StringVar(&s.reason, "reason", "", "why, for those who read the release")
}

// carryOut asks for a release and follows it to its end.
func (s *stageCommand) carryOut(ctx context.Context, about *subject, what ask) error {
	what.reason = s.reason
	rel, err := about.ask(ctx, what)
	if err != nil {
		return err
	}
	s.say("%s: release %d, a %s, asked for by %s", about, rel.Spec.Sequence, brief(rel), rel.Spec.By)
	if s.noWait {
		s.say("`slipway releases show %s %d` tells how it goes", about.args(), rel.Spec.Sequence)
		return s.result(rel)
	}
	return s.await(ctx, about, rel, func(r *v1alpha1.Release) bool { return r.Status.Phase == v1alpha1.PhaseHeld })
}

// brief says what kind of release it is and what it brings.
func brief(rel *v1alpha1.Release) string {
	what := string(rel.Spec.Trigger) + " of " + short(rel.Spec.Head.Commit)
	if rel.Spec.From != "" {
		what += " from " + rel.Spec.From
	}
	return what
}

// await follows a release until it is done, or stops for the caller's reason,
// and ends the command with what came of it.
func (s *stageCommand) await(ctx context.Context, about *subject, rel *v1alpha1.Release, stops func(*v1alpha1.Release) bool) error {
	known := len(rel.Status.Timings)
	show := &progress{out: s.streams.Out, terminal: s.streams.Terminal, off: s.format != "text", first: known, shown: known}
	last, err := about.follow(ctx, rel, func(r *v1alpha1.Release) bool {
		show.release(r)
		return r.Status.Phase.Done() || stops(r)
	}, s.streams.Err)
	show.end()
	if ctx.Err() != nil {
		return fault.New(fault.Unavailable, "stopped waiting; release %d of %s goes on, see `slipway releases show %s %d`", rel.Spec.Sequence, about, about.args(), rel.Spec.Sequence)
	}
	if err != nil {
		return err
	}
	return s.conclude(about, last)
}

// conclude says what came of a release and turns it into an exit code.
func (s *stageCommand) conclude(about *subject, rel *v1alpha1.Release) error {
	if err := s.result(rel); err != nil {
		return err
	}
	number := rel.Spec.Sequence
	switch rel.Status.Phase {
	case v1alpha1.PhaseSucceeded:
		s.say("%s: release %d is live in %s%s", about, number, took(rel, time.Now()), withURL(rel.Status.URL))
		return nil
	case v1alpha1.PhaseHeld:
		return &outcomeError{ExitHeld, fmt.Sprintf("%s: release %d is held: %s; `slipway approve %s` lets it go on, by someone who may", about, number, rel.Status.Message, about.args())}
	case v1alpha1.PhaseSuperseded:
		return &outcomeError{ExitNotLive, fmt.Sprintf("%s: release %d did not go live: %s; see `slipway releases %s`", about, number, rel.Status.Message, about.args())}
	}
	if refused(rel) {
		return &outcomeError{ExitFindings, fmt.Sprintf("%s: release %d is refused: %s", about, number, rel.Status.Message)}
	}
	return &outcomeError{ExitNotLive, fmt.Sprintf("%s: release %d failed: %s", about, number, rel.Status.Message)}
}

func withURL(url string) string {
	if url == "" {
		return ""
	}
	return ": " + url
}

// say prints a line for people, and nothing when a program reads.
func (s *stageCommand) say(format string, args ...any) {
	if s.format == "text" {
		fmt.Fprintln(s.streams.Out, printable(fmt.Sprintf(format, args...)))
	}
}

// result prints an object for programs; people have read it by lines.
func (s *stageCommand) result(object client.Object) error {
	if s.format == "text" {
		return nil
	}
	object.SetManagedFields(nil)
	return output{s.streams, s.format}.print(object, nil)
}

// follow calls see with a release whenever it changes from what is known of
// it, until see is done with it.
func (s *subject) follow(ctx context.Context, rel *v1alpha1.Release, see func(*v1alpha1.Release) (done bool), errs io.Writer) (*v1alpha1.Release, error) {
	hint := time.AfterFunc(silence, func() {
		fmt.Fprintf(errs, "nobody has taken %s up yet; does Slipway's server run?\n", rel.Name)
	})
	defer hint.Stop()
	for since := rel.ResourceVersion; ; since = "" {
		options := &client.ListOptions{Namespace: rel.Namespace, Raw: &metav1.ListOptions{ResourceVersion: since}}
		watcher, err := s.client.Watch(ctx, &v1alpha1.ReleaseList{}, options, client.MatchingFields{"metadata.name": rel.Name})
		if err != nil {
			return nil, explained(err, "watch release %s", rel.Name)
		}
		last, err := seeAll(watcher, func(now *v1alpha1.Release) bool {
			if now.Status.Phase != "" {
				hint.Stop()
			}
			return see(now)
		})
		watcher.Stop()
		if last != nil || err != nil {
			return last, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(rewatch):
		}
	}
}

// seeAll reads a watch until see is done; nil when the watch ended before. See
// is asked again from time to time, for what time alone decides.
func seeAll(watcher watch.Interface, see func(*v1alpha1.Release) bool) (*v1alpha1.Release, error) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	var last *v1alpha1.Release
	for {
		select {
		case event, open := <-watcher.ResultChan():
			if !open {
				return nil, nil
			}
			if event.Type == watch.Deleted {
				return nil, fault.New(fault.NotFound, "the release was deleted while it was waited for; its stage may be gone")
			}
			if rel, isRelease := event.Object.(*v1alpha1.Release); isRelease {
				last = rel
			}
		case <-tick.C:
		}
		if last != nil && see(last) {
			return last, nil
		}
	}
}
