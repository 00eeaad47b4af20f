package helm

import (
	"fmt"
	"maps"
	"slices"
	"text/template"
)

// functions replaces those of Helm's template functions whose result is not
// decided by their arguments alone.
func functions() template.FuncMap {
	replaced := template.FuncMap{
		"keys":   sortedKeys,
		"values": sortedValues,
	}
	for _, name := range undecided() {
		replaced[name] = func(...any) (string, error) {
			return "", fmt.Errorf("the function %s gives another result each time, so the same commit would not render alike; give the value explicitly", name)
		}
	}
	return replaced
}

// undecided are functions that use a clock, randomness or the network.
func undecided() []string {
	return []string{
		"now", "ago",
		"randAlphaNum", "randAlpha", "randNumeric", "randAscii", "randBytes", "randInt", "shuffle", "uuidv4",
		"genPrivateKey", "genCA", "genCAWithKey", "genSelfSignedCert", "genSelfSignedCertWithKey",
		"genSignedCert", "genSignedCertWithKey", "htpasswd", "bcrypt", "encryptAES", "getHostByName",
	}
}

// sortedKeys is Sprig's keys in a fixed order.
func sortedKeys(dicts ...map[string]any) []string {
	var all []string
	for _, dict := range dicts {
		all = append(all, slices.Sorted(maps.Keys(dict))...)
	}
	return all
}

// sortedValues is Sprig's values in the order of their keys.
func sortedValues(dict map[string]any) []any {
	all := make([]any, 0, len(dict))
	for _, key := range slices.Sorted(maps.Keys(dict)) {
		all = append(all, dict[key])
	}
	return all
}
