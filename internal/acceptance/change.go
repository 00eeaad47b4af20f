package acceptance

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/slipway-dev/slipway/internal/project"
)

// Change is one thing that two project files say differently about who may do
// what, or about what is held to it. Changes are comparable.
type Change struct {
	// Subject is a member, a stage or the previews; Field is one of its fields,
	// empty when all of it comes or goes.
	Kind    Kind
	Subject string
	Field   string
	// Before and After are the values as JSON; empty for none.
	Before, After string
	// Needs is what its author must be allowed to do.
	Needs project.Action
}

// Kind is what a change is about.
type Kind string

// The kinds of changes, in the order in which they are listed.
const (
	KindMember   Kind = "member"
	KindStage    Kind = "stage"
	KindPreviews Kind = "previews"
)

// Compare returns what differs between two project files in members, stages and
// previews: members first, each kind sorted. Services and overlays may differ, and
// so may sealed values: they are in force with the commit that has them.
func Compare(before, after *project.File) []Change {
	changes := members(before, after)
	changes = append(changes, stages(before, after)...)
	return append(changes, previews(before, after)...)
}

// members compares who has which role. The e-mail address counts as well: it says
// which Kubernetes user the member is.
func members(before, after *project.File) []Change {
	had, has := map[string]project.Member{}, map[string]project.Member{}
	for _, m := range before.Members {
		had[memberName(m)] = m
	}
	for _, m := range after.Members {
		has[memberName(m)] = m
	}
	var changes []Change
	for _, name := range union(had, has) {
		old, new := had[name], has[name]
		switch {
		case old == new:
		case old.Role == new.Role:
			changes = append(changes, Change{Kind: KindMember, Subject: name, Field: "email", Before: old.Email, After: new.Email, Needs: project.ActionChangeMembers})
		default:
			changes = append(changes, Change{Kind: KindMember, Subject: name, Field: "role", Before: string(old.Role), After: string(new.Role), Needs: project.ActionChangeMembers})
			if old.Email != new.Email && old.Role != "" && new.Role != "" {
				changes = append(changes, Change{Kind: KindMember, Subject: name, Field: "email", Before: old.Email, After: new.Email, Needs: project.ActionChangeMembers})
			}
		}
	}
	return changes
}

// memberName tells members apart: letter by letter, because a Kubernetes user is
// compared so.
func memberName(m project.Member) string {
	if m.Group != "" {
		return "group " + m.Group
	}
	return m.User
}

// stages compares the rules of stages, whatever their order.
func stages(before, after *project.File) []Change {
	had, has := map[string]project.Stage{}, map[string]project.Stage{}
	for _, s := range before.Stages {
		had[s.Name] = withoutContent(s)
	}
	for _, s := range after.Stages {
		has[s.Name] = withoutContent(s)
	}
	var changes []Change
	for _, name := range union(had, has) {
		old, was := had[name]
		new, is := has[name]
		switch {
		case !was:
			changes = append(changes, Change{Kind: KindStage, Subject: name, After: encode(new), Needs: project.ActionChangeStages})
		case !is && guarded(old):
			changes = append(changes, Change{Kind: KindStage, Subject: name, Before: encode(old), Needs: project.ActionChangeMembers})
		case !is:
			changes = append(changes, Change{Kind: KindStage, Subject: name, Before: encode(old), Needs: project.ActionChangeStages})
		default:
			changes = append(changes, fields(KindStage, name, old, new)...)
		}
	}
	return changes
}

// withoutContent returns a rule without what its commit brings: the overlay and
// the sealed values.
func withoutContent(s project.Stage) project.Stage {
	s.Overlay, s.Sealed = "", nil
	return s
}

// guarded reports whether a stage is protected in any way.
func guarded(s project.Stage) bool {
	return s.Protected || s.Requires.Approvals > 0 || len(s.Requires.Checks) > 0
}

func previews(before, after *project.File) []Change {
	old, new := before.Previews, after.Previews
	switch {
	case old == nil && new == nil:
		return nil
	case old == nil:
		return []Change{{Kind: KindPreviews, After: encode(new), Needs: project.ActionChangeStages}}
	case new == nil:
		return []Change{{Kind: KindPreviews, Before: encode(old), Needs: project.ActionChangeStages}}
	}
	return fields(KindPreviews, "", old, new)
}

// fields compares two values field by field.
func fields(kind Kind, subject string, before, after any) []Change {
	had, has := decode(before), decode(after)
	var changes []Change
	for _, field := range union(had, has) {
		if bytes.Equal(had[field], has[field]) {
			continue
		}
		needs := project.ActionChangeStages
		if field == "protected" || field == "requires" {
			needs = project.ActionChangeMembers
		}
		changes = append(changes, Change{Kind: kind, Subject: subject, Field: field, Before: string(had[field]), After: string(has[field]), Needs: needs})
	}
	return changes
}

// encode returns a value as JSON. The types of a project file have no value that
// can't be encoded.
func encode(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprintf("%#v", value)
	}
	return string(text)
}

// decode returns the fields of a value as JSON.
func decode(value any) map[string]json.RawMessage {
	all := map[string]json.RawMessage{}
	if err := json.Unmarshal([]byte(encode(value)), &all); err != nil {
		return map[string]json.RawMessage{"": json.RawMessage(encode(value))}
	}
	return all
}

// union returns the keys of both maps, sorted.
func union[V any](a, b map[string]V) []string {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return slices.Sorted(maps.Keys(all))
}

// maxValue bounds a value in a sentence, in bytes.
const maxValue = 80

// String says what changes: "mallory becomes owner".
func (c Change) String() string {
	what := string(c.Kind)
	if c.Subject != "" {
		what += " " + c.Subject
	}
	switch {
	case c.Kind == KindMember && c.Field == "email":
		return fmt.Sprintf("%s has the e-mail address %s instead of %s", c.Subject, cmp.Or(c.After, "none"), cmp.Or(c.Before, "none"))
	case c.Kind == KindMember && c.Before == "":
		return fmt.Sprintf("%s becomes %s", c.Subject, c.After)
	case c.Kind == KindMember && c.After == "":
		return fmt.Sprintf("%s is no longer %s", c.Subject, c.Before)
	case c.Kind == KindMember:
		return fmt.Sprintf("%s goes from %s to %s", c.Subject, c.Before, c.After)
	case c.Field == "protected":
		return what + map[bool]string{true: " becomes protected", false: " is no longer protected"}[c.After != ""]
	case c.Field != "" && c.Before == "":
		return fmt.Sprintf("%s gets %s %s", what, c.Field, clip(c.After))
	case c.Field != "" && c.After == "":
		return fmt.Sprintf("%s loses %s %s", what, c.Field, clip(c.Before))
	case c.Field != "":
		return fmt.Sprintf("%s has %s %s instead of %s", what, c.Field, clip(c.After), clip(c.Before))
	case c.Before == "":
		return what + " is added"
	}
	return what + " is removed"
}

func clip(value string) string {
	if len(value) > maxValue {
		return value[:maxValue] + "…"
	}
	return value
}
