package projectfile

import (
	"fmt"

	"github.com/slipway-dev/slipway/internal/projectfile/grammar"
	"github.com/slipway-dev/slipway/internal/projectfile/syntax"
)

// CheckSealed reports what is wrong with the name of a sealed Secret or with a
// key in it.
func CheckSealed(name, key string) error {
	sealed := grammar.New().Rules["File.sealed"]
	for _, one := range []struct {
		text   string
		format *grammar.Format
	}{{name, sealed.Keys}, {key, sealed.Inner.Keys}} {
		if len(one.text) > one.format.Max || !one.format.Matches(one.text) {
			return fmt.Errorf("%q is not %s; %s", syntax.Clip(one.text), one.format.Noun, one.format.Remedy)
		}
	}
	return nil
}
