package listing

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
)

// keys are the keys of an object that are wanted, with those of the objects below
// each. Nil keys want all that is there.
type keys map[string]keys

// keysOf returns the keys that are read into a type.
func keysOf(t reflect.Type) keys {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || reflect.PointerTo(t).Implements(reflect.TypeFor[json.Unmarshaler]()) {
		return nil
	}
	wanted := keys{}
	for field := range t.Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if name == "" {
			return nil // the keys of an embedded type, or one that is named by its field
		}
		wanted[name] = keysOf(field.Type)
	}
	return wanted
}

// text is a JSON text that is read from its front. It is not checked: whoever decodes
// what is copied from it does.
type text []byte

// prune appends the next value with its wanted keys only; those of a list are the keys
// of its members. To pass over a value costs a twentieth of what it costs to decode it.
func (t *text) prune(out []byte, wanted keys) []byte {
	open := t.peek()
	if wanted == nil || open != '{' && open != '[' {
		return append(out, t.value()...)
	}
	out = append(out, t.take(1)...)
	for separator := ""; ; {
		switch t.peek() {
		case 0:
			return out
		case '}', ']':
			return append(out, t.take(1)...)
		case ',':
			t.take(1)
			continue
		}
		below := wanted
		if open == '{' {
			key, is := t.key(), false
			if below, is = wanted[string(bytes.Trim(key, `"`))]; !is {
				t.value()
				continue
			}
			out = append(append(append(out, separator...), key...), ':')
		} else {
			out = append(out, separator...)
		}
		out, separator = t.prune(out, below), ","
	}
}

// key takes a key and its colon, which it leaves out.
func (t *text) key() []byte {
	key := t.value()
	if t.peek() == ':' {
		t.take(1)
	}
	return key
}

// value takes the next value.
func (t *text) value() []byte {
	switch t.peek() {
	case 0:
		return nil
	case '"':
		return t.take(quoted(*t))
	case '{', '[':
		return t.take(bracketed(*t))
	}
	if end := bytes.IndexAny((*t)[1:], ",:]} \t\r\n"); end >= 0 {
		return t.take(1 + end)
	}
	return t.take(len(*t))
}

// peek returns the next byte that isn't blank, 0 at the end.
func (t *text) peek() byte {
	for len(*t) > 0 {
		switch b := (*t)[0]; b {
		case ' ', '\t', '\r', '\n':
			*t = (*t)[1:]
		default:
			return b
		}
	}
	return 0
}

// take takes n bytes.
func (t *text) take(n int) []byte {
	taken := (*t)[:n]
	*t = (*t)[n:]
	return taken
}

// quoted returns the length of the string at the beginning of a text.
func quoted(text []byte) int {
	for at := 1; ; at++ {
		next := bytes.IndexByte(text[at:], '"')
		if next < 0 {
			return len(text)
		}
		at += next
		backslashes := len(text[:at]) - len(bytes.TrimRight(text[:at], `\`))
		if backslashes%2 == 0 {
			return at + 1
		}
	}
}

// bracketed returns the length of the object or list at the beginning of a text.
func bracketed(text []byte) int {
	depth := 0
	for at := 0; at < len(text); at++ {
		switch text[at] {
		case '"':
			at += quoted(text[at:]) - 1
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return at + 1
			}
		}
	}
	return len(text)
}
