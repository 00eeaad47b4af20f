package helm

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/render/source"
)

// stable renders the chart so that the same commit and seed give the same objects.
// A chart that calls random functions is rendered twice: first to see where
// their results end up, by which they are then derived. One that calls functions
// whose result differs with the time is rendered once more at another time, and
// refused when that makes a difference.
func stable(ctx context.Context, s source.Service, files map[string][]byte) (rendering, error) {
	probe := &generator{key: derive(nil, "probe")}
	made, err := render(ctx, s, files, probe)
	if err != nil {
		return rendering{}, err
	}
	g := &generator{key: derive(s.Seed, "service", s.Name), names: homes(made)}
	if len(probe.calls) > 0 {
		probed := made
		if made, err = render(ctx, s, files, g); err != nil {
			return rendering{}, withoutValues(ctx, err, s)
		}
		made.generated = differences(probed.objects, made.objects)
	}
	if len(probe.differing) == 0 {
		return made, nil
	}
	other, err := render(ctx, s, files, &generator{key: g.key, names: g.names, later: true})
	if err != nil {
		return rendering{}, withoutValues(ctx, err, s)
	}
	return made, refuseDifferences(differences(made.objects, other.objects), probe.differing, s)
}

// withoutValues replaces the error of a chart that was rendered once already: what
// a template says now may hold a generated value.
func withoutValues(ctx context.Context, err error, s source.Service) error {
	if ctx.Err() != nil {
		return err
	}
	return refuse(s, "it fails with the values that are generated for this stage, and not with others; let nothing but values depend on them")
}

// refuseDifferences refuses what the time made different.
func refuseDifferences(found []leaf, functions []string, s source.Service) error {
	if len(found) == 0 {
		return nil
	}
	first := found[0]
	if i := slices.IndexFunc(found, func(l leaf) bool { return l.path != nameField }); i >= 0 {
		first = found[i] // names of Jobs change with what the Jobs hold
	}
	more := ""
	if others := len(found) - 1; others > 0 {
		more = fmt.Sprintf(" and %d more", others)
	}
	remedy := "write the value itself"
	if first.isSecret() {
		remedy = "name a Secret there that the stage holds already"
	}
	return refuse(s, "%s of %s (%s)%s would be another one each time, through %s; switch it off in the values, or %s",
		first.path, first.object.name(), inRepository(first.object.file, s), more, strings.Join(functions, ", "), remedy)
}

// minNamed is how long a value must be to be recognised in an object.
const minNamed = 8

// maxNamed bounds how many calls are looked for.
const maxNamed = 1000

// homes names each call after the field that its result ends up in, of a Secret
// where there is one: it keeps its value whatever the chart generates besides.
// Calls whose result ends up nowhere as it is are named by their number among
// those of the same function.
func homes(made rendering) []string {
	if len(made.calls) == 0 || len(made.calls) > maxNamed {
		return nil
	}
	fields := fieldsOf(made)
	names, taken := make([]string, len(made.calls)), map[string]int{}
	for i, c := range made.calls {
		home := "nowhere"
		at := slices.IndexFunc(fields, func(f field) bool { return f.holds(c.value) })
		if len(c.value) >= minNamed && at >= 0 {
			home = fields[at].name
		}
		call := strings.Join([]string{c.function, c.arguments, home}, "\x00")
		names[i] = fmt.Sprintf("%s %d", home, taken[call])
		taken[call]++
	}
	return names
}

// field is a field of an object as calls are named after it.
type field struct {
	name  string
	texts []string // in lower case
}

func (f field) holds(value string) bool {
	value = strings.ToLower(value)
	return slices.ContainsFunc(f.texts, func(text string) bool { return strings.Contains(text, value) })
}

// fieldsOf returns the fields of all objects, those of Secrets first.
func fieldsOf(made rendering) []field {
	var secrets, others []field
	for _, o := range made.objects {
		for _, l := range o.leaves() {
			f := field{name: o.stableName(made.calls) + " " + l.path, texts: []string{strings.ToLower(l.text)}}
			if !l.isSecret() {
				others = append(others, f)
				continue
			}
			if plain, ok := l.decoded(); ok {
				f.texts = append(f.texts, strings.ToLower(plain))
			}
			secrets = append(secrets, f)
		}
	}
	byName := func(a, b field) int { return strings.Compare(a.name, b.name) }
	slices.SortStableFunc(secrets, byName)
	slices.SortStableFunc(others, byName)
	return append(secrets, others...)
}

// stableName returns kind and name of the object, or only the kind where a
// generated value is in the name.
func (o object) stableName(calls []call) string {
	name := strings.ToLower(o.node.GetName())
	if slices.ContainsFunc(calls, func(c call) bool { return c.value != "" && strings.Contains(name, strings.ToLower(c.value)) }) {
		return o.node.GetKind()
	}
	return o.name()
}

// decoded returns the value of a Secret that is written in base64.
func (l leaf) decoded() (string, bool) {
	if !strings.HasPrefix(l.path, "data.") {
		return "", false
	}
	plain, err := base64.StdEncoding.DecodeString(l.text)
	return string(plain), err == nil
}
