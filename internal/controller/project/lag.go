package project

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/git"
	"github.com/slipway-dev/slipway/internal/scm"
)

// A forge may send a delivery before its git servers show what it reports.
// For lagPatience such a delivery keeps waiting, and the refs are read again,
// soon at first; after that the timer takes over.
const (
	lagPatience = 10 * time.Second
	firstLook   = 200 * time.Millisecond
	lastLook    = 3 * time.Second
)

// settlement is what a sync makes of the deliveries that waited when it began.
type settlement struct {
	served   []v1alpha1.Delivery
	messages map[string]string // by a delivery's name, where there is more to say
	answers  map[string]*v1alpha1.CommandAnswer
	again    time.Duration // until the refs are read again for the others; 0: there are none
}

// settle finds the deliveries whose refs are where they say, or have moved on.
// The others are those that the forge's git servers don't show yet.
func (r *Reconciler) settle(ctx context.Context, p *v1alpha1.Project, heads git.Heads, waiting []v1alpha1.Delivery) settlement {
	s := settlement{messages: map[string]string{}}
	if heads.Refs == nil { // nothing could be read
		s.served = waiting
		return s
	}
	left := map[string]bool{} // refs and commits that somebody moved away from
	for _, d := range waiting {
		left[d.Spec.Ref+" "+d.Spec.Before] = true
	}
	for _, d := range waiting {
		if left[d.Spec.Ref+" "+d.Spec.After] || !r.lags(ctx, p, heads, d) {
			s.served = append(s.served, d)
			continue
		}
		age := max(r.Now().Sub(d.Spec.Received.Time), 0)
		if age >= lagPatience {
			s.served = append(s.served, d)
			s.messages[d.Name] = lagMessage(heads, d)
			continue
		}
		look := min(max(age/2, firstLook), lastLook)
		if s.again == 0 || look < s.again {
			s.again = look
		}
	}
	return s
}

// lags reports whether a ref is not where a delivery says, and was never seen
// there: it stands where it stood before, or the commit is not known.
func (r *Reconciler) lags(ctx context.Context, p *v1alpha1.Project, heads git.Heads, d v1alpha1.Delivery) bool {
	repository := p.Primary()
	moved := d.Spec.Event == string(scm.KindPush) || d.Spec.Event == string(scm.KindTag) || d.Spec.Event == string(scm.KindDelete)
	if !moved || d.Spec.Repository != repository.Name {
		return false
	}
	head, exists := heads.Refs[d.Spec.Ref]
	switch {
	case d.Spec.After == "":
		return exists && (head == d.Spec.Before || isTag(d.Spec.Ref))
	case !exists:
		return d.Spec.Before == "" // what was moved and is gone was deleted since
	case head == d.Spec.After, isTag(d.Spec.Ref): // an annotated tag's own id is none of a commit
		return false
	case head == d.Spec.Before:
		return true
	}
	return !r.Sources.Knows(ctx, p, repository, d.Spec.After)
}

func isTag(ref string) bool { return strings.HasPrefix(ref, "refs/tags/") }

// lagMessage says what was seen in place of what a delivery reported.
func lagMessage(heads git.Heads, d v1alpha1.Delivery) string {
	reported, seen := "at "+d.Spec.After, "it is at "+heads.Refs[d.Spec.Ref]
	if d.Spec.After == "" {
		reported = "gone"
	}
	if heads.Refs[d.Spec.Ref] == "" {
		seen = "there is none"
	}
	return fmt.Sprintf("synced, but %s after the delivery the forge still does not show %s %s: %s; the timer looks again", lagPatience, d.Spec.Ref, reported, seen)
}
