package template

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

// secret returns the Secret of one use of the template; its formats have no
// parameters any more.
func (t Template) secret(service string, values map[string]any) *Secret {
	if len(t.Secret) == 0 {
		return nil
	}
	s := &Secret{Name: service + "-credentials", Service: service, Values: map[string]SecretValue{}}
	for key, value := range t.Secret {
		if value.Format != "" {
			value.Format = references().ReplaceAllStringFunc(value.Format, func(found string) string {
				if given, known := values[found[2:len(found)-1]]; known {
					return text(given)
				}
				return found
			})
		}
		s.Values[key] = value
	}
	return s
}

func references() *regexp.Regexp { return regexp.MustCompile(`\$\{([a-zA-Z][a-zA-Z0-9_]*)\}`) }

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
		data[key] = references().ReplaceAllFunc([]byte(s.Values[key].Format), func(found []byte) []byte {
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
