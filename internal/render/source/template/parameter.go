package template

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"

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
		if form := p.Type.form(); !form.MatchString(value) || strings.Contains(value, "${") {
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
	stringForm  = regexp.MustCompile(`^[\pL\pN\pP\pS ]{0,200}$`)
)

// form is what values of a textual type look like.
func (t Type) form() *regexp.Regexp {
	switch t {
	case TypeName:
		return nameForm
	case TypeVersion:
		return versionForm
	case TypePath:
		return pathForm
	}
	return stringForm
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
