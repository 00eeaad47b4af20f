package projectfile

import "fmt"

// CheckSealed reports what is wrong with the name of a sealed Secret or with a
// key in it.
func CheckSealed(name, key string) error {
	g := newGrammar()
	for _, one := range []struct {
		text   string
		format *format
	}{{name, secretName()}, {key, secretKey()}} {
		if len(one.text) > one.format.max || !g.matches(one.format, one.text) {
			return fmt.Errorf("%q is not %s; %s", clip(one.text), one.format.noun, one.format.remedy)
		}
	}
	return nil
}
