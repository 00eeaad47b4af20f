package projectfile

import "fmt"

// CheckSealed reports what is wrong with the name of a sealed Secret or with a
// key in it.
func CheckSealed(name, key string) error {
	sealed := newGrammar().rules["File.sealed"]
	for _, one := range []struct {
		text   string
		format *format
	}{{name, sealed.keys}, {key, sealed.inner.keys}} {
		if len(one.text) > one.format.max || !one.format.matches(one.text) {
			return fmt.Errorf("%q is not %s; %s", clip(one.text), one.format.noun, one.format.remedy)
		}
	}
	return nil
}
