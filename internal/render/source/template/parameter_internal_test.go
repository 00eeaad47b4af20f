package template

import (
	"strings"
	"testing"
)

func TestTextParameters(t *testing.T) {
	for value, good := range map[string]bool{
		"":                               true,
		"Grüße, 3 × größer":              true,
		strings.Repeat("ä", maxString):   true,
		strings.Repeat("ä", maxString+1): false,
		"two\nlines":                     false,
		"a tab\there":                    false,
		"\u202ereversed":                 false,
		"${other}":                       false,
	} {
		got, err := Parameter{Type: TypeString}.typed(value)
		if (err == nil) != good || good && got != value {
			t.Errorf("%.20q: %v %v, want it taken: %t", value, got, err, good)
		}
	}
}
