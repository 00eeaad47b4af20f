package compare

import (
	"reflect"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/slipway-dev/slipway/internal/fault"
)

// HideSecrets puts words in the place of what Secrets hold, on both sides of
// a comparison: which keys there are, and whether they differ, stays visible.
func HideSecrets(before, after map[string][]byte) error {
	for _, side := range []map[string][]byte{before, after} {
		for name := range side {
			if !strings.HasPrefix(name, "Secret/") {
				continue
			}
			if err := hideSecret(name, before, after); err != nil {
				return err
			}
		}
	}
	return nil
}

// hideSecret hides what one Secret holds. Hiding what is hidden already
// changes nothing.
func hideSecret(name string, before, after map[string][]byte) error {
	old, err := readSecret(name, before)
	if err != nil {
		return err
	}
	now, err := readSecret(name, after)
	if err != nil {
		return err
	}
	for _, field := range []string{"data", "stringData"} {
		a, _ := old[field].(map[string]any)
		b, _ := now[field].(map[string]any)
		for key, value := range a {
			a[key] = "(hidden)"
			if other, both := b[key]; both {
				b[key] = "(hidden)"
				if !reflect.DeepEqual(value, other) {
					a[key], b[key] = "(hidden, before)", "(hidden, after)"
				}
			}
		}
		for key := range b {
			if _, both := a[key]; !both {
				b[key] = "(hidden)"
			}
		}
	}
	if err := writeSecret(name, before, old); err != nil {
		return err
	}
	return writeSecret(name, after, now)
}

// readSecret decodes one side of a Secret, nil where there is none.
func readSecret(name string, side map[string][]byte) (map[string]any, error) {
	var fields map[string]any
	if err := yaml.Unmarshal(side[name], &fields); err != nil {
		// What the parser says may quote the Secret.
		return nil, fault.New(fault.Internal, "the kept manifest of %s can't be read, so nothing is shown; deploy the commit again", name)
	}
	return fields, nil
}

func writeSecret(name string, side map[string][]byte, fields map[string]any) error {
	if fields == nil {
		return nil
	}
	text, err := yaml.Marshal(fields)
	if err != nil {
		return fault.New(fault.Internal, "the kept manifest of %s can't be written, so nothing is shown; deploy the commit again", name)
	}
	side[name] = text
	return nil
}
