package template

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/api/resource"
)

// value checks a given value and returns it as a string, an int64 or a bool.
// Its errors read behind "the parameter".
func (p Parameter) value(given any) (any, error) {
	value, err := p.typed(given)
	if err != nil {
		return nil, err
	}
	if len(p.Enum) == 0 {
		return value, nil
	}
	var allowed []string
	for _, one := range p.Enum {
		if text(one) == text(value) {
			return value, nil
		}
		allowed = append(allowed, text(one))
	}
	return nil, fmt.Errorf("is %.60q; it must be one of %s", text(value), strings.Join(allowed, ", "))
}

func (p Parameter) typed(given any) (any, error) {
	switch p.Type {
	case TypeBoolean:
		if value, ok := given.(bool); ok {
			return value, nil
		}
		return nil, fmt.Errorf("is %.60q; write true or false", text(given))
	case TypeInteger:
		return p.integer(given)
	case TypeQuantity:
		return p.quantity(given)
	case TypeString, TypeName, TypeVersion, TypePath:
		value := text(given)
		if matches, form := p.Type.form(); !matches(value) || strings.Contains(value, "${") {
			return nil, fmt.Errorf("is %.60q, which is no %s (%s); correct it", value, p.Type, form)
		}
		return value, nil
	}
	return nil, fmt.Errorf("has the type %q, which does not exist; correct the template", p.Type)
}

var (
	nameForm    = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,62}$`)
	versionForm = regexp.MustCompile(`^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$`)
	pathForm    = regexp.MustCompile(`^/?[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*/?$|^/$`)
)

// maxString bounds a parameter of type string, in characters.
const maxString = 200

// form tells values of a textual type from others, and says what they look like.
func (t Type) form() (matches func(string) bool, what string) {
	switch t {
	case TypeName:
		return nameForm.MatchString, nameForm.String()
	case TypeVersion:
		return versionForm.MatchString, versionForm.String()
	case TypePath:
		return pathForm.MatchString, pathForm.String()
	}
	return isText, fmt.Sprintf("letters, numbers, punctuation, symbols and blanks, at most %d", maxString)
}

// isText reports whether a value is one line of visible characters.
func isText(value string) bool {
	visible := func(r rune) bool { return r == ' ' || unicode.In(r, unicode.L, unicode.N, unicode.P, unicode.S) }
	return utf8.RuneCountInString(value) <= maxString && strings.IndexFunc(value, func(r rune) bool { return !visible(r) }) < 0
}

func (p Parameter) integer(given any) (any, error) {
	value, err := strconv.ParseInt(text(given), 10, 64)
	if _, quoted := given.(string); err != nil || quoted {
		return nil, fmt.Errorf("is %.60q; write a whole number", text(given))
	}
	for bound, outside := range map[any]func(int64) bool{
		text(p.Min): func(least int64) bool { return value < least },
		text(p.Max): func(most int64) bool { return value > most },
	} {
		if limit, err := strconv.ParseInt(text(bound), 10, 64); err == nil && outside(limit) {
			return nil, fmt.Errorf("is %d; it must be from %s to %s", value, orAny(p.Min), orAny(p.Max))
		}
	}
	return value, nil
}

func (p Parameter) quantity(given any) (any, error) {
	value, err := resource.ParseQuantity(text(given))
	if err != nil || value.Sign() < 0 {
		return nil, fmt.Errorf("is %.60q; write an amount like 250m, 256Mi or 5Gi", text(given))
	}
	least, errLeast := resource.ParseQuantity(text(p.Min))
	most, errMost := resource.ParseQuantity(text(p.Max))
	if errLeast == nil && value.Cmp(least) < 0 || errMost == nil && value.Cmp(most) > 0 {
		return nil, fmt.Errorf("is %s; it must be from %s to %s", text(given), orAny(p.Min), orAny(p.Max))
	}
	return text(given), nil
}

func orAny(bound any) string {
	if bound == nil {
		return "any"
	}
	return text(bound)
}

// text returns a scalar as it would be written.
func text(value any) string {
	switch value := value.(type) {
	case nil:
		return ""
	case string:
		return value
	case json.Number:
		return value.String()
	case float64:
		return strconv.FormatFloat(value, 'f', -1, 64)
	}
	return fmt.Sprint(value)
}
