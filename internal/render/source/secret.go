package source

import (
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
)

// Secret is what a Secret of the stage must hold before its service starts.
// Whoever owns the stage makes it once, and never changes a value that is
// there.
type Secret struct {
	Name    string                 `json:"name"`
	Service string                 `json:"service"`
	Values  map[string]SecretValue `json:"values"`
}

// SecretValue says where the value of one key comes from: exactly one field
// is set.
type SecretValue struct {
	// Random is the number of random letters and digits.
	Random int `json:"random,omitempty"`
	// Format is text in which ${KEY} stands for another key of the Secret and,
	// in a template, ${parameter} for a parameter; ${service} is the service's
	// name.
	Format string `json:"format,omitempty"`
}

var reference = regexp.MustCompile(`\$\{([a-zA-Z][a-zA-Z0-9_]*)\}`)

// Substitute replaces ${name} in the value's format where known has the name.
func (v SecretValue) Substitute(known func(name string) (string, bool)) SecretValue {
	if v.Format == "" {
		return v
	}
	v.Format = reference.ReplaceAllStringFunc(v.Format, func(found string) string {
		if text, ok := known(found[2 : len(found)-1]); ok {
			return text
		}
		return found
	})
	return v
}

// Fill returns the Secret's data: what exists stays, what is missing is made.
// Random must be a source fit for passwords (crypto/rand.Reader).
func (s Secret) Fill(existing map[string][]byte, random io.Reader) (map[string][]byte, error) {
	data := maps.Clone(existing)
	if data == nil {
		data = map[string][]byte{}
	}
	for _, key := range slices.Sorted(maps.Keys(s.Values)) {
		if _, there := data[key]; there || s.Values[key].Random == 0 {
			continue
		}
		value, err := password(random, s.Values[key].Random)
		if err != nil {
			return nil, fmt.Errorf("make %s of secret %s: %w", key, s.Name, err)
		}
		data[key] = value
	}
	for _, key := range slices.Sorted(maps.Keys(s.Values)) {
		if _, there := data[key]; there {
			continue
		}
		data[key] = reference.ReplaceAllFunc([]byte(s.Values[key].Format), func(found []byte) []byte {
			return data[string(found[2:len(found)-1])]
		})
	}
	return data, nil
}

// password returns random letters and digits, each as likely as the others.
func password(random io.Reader, length int) ([]byte, error) {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	value := make([]byte, 0, length)
	var one [1]byte
	for len(value) < length {
		if _, err := io.ReadFull(random, one[:]); err != nil {
			return nil, err
		}
		if int(one[0]) < len(letters)*4 { // the rest would favour some
			value = append(value, letters[int(one[0])%len(letters)])
		}
	}
	return value, nil
}
