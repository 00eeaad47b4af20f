package build

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/frontend/dockerfile/shell"

	"github.com/slipway-dev/slipway/internal/fault"
)

// maxWordBytes bounds a word before and after substitution: a few dozen ARG
// lines that double each other would else grow without end.
const maxWordBytes = 4096

// expander substitutes the arguments that are known before the first FROM.
type expander struct {
	lex    *shell.Lex
	values map[string]string
	spent  int // bytes of all words after substitution
	edited int // how often a part of a value was cut off or replaced
}

// Patterns that cut off or replace a part of a value cost time: pattern times value.
const (
	maxEdited      = 20  // of them, in arguments before the first FROM and in FROM
	maxEditedBytes = 256 // of a word with one, and of each value in it
)

// editing is what takes a part of a variable's value: ${A#p}, ${A%p} or ${A/p/q}.
var editing = regexp.MustCompile(`\$\{(?:[-@*#?$!]|[^}:+?#%/-]*)[#%/]`)

// newExpander evaluates the file's global ARG instructions in order. A build
// argument with a value overrides a default; an empty one doesn't.
func (d *Dockerfile) newExpander(args map[string]string) (*expander, error) {
	e := &expander{lex: shell.NewLex(parser.DefaultEscapeToken), values: map[string]string{}}
	for _, key := range slices.Sorted(maps.Keys(args)) {
		if args[key] != "" {
			e.values[key] = args[key]
		}
	}
	for _, command := range d.metaArgs {
		for _, arg := range command.Args {
			if arg.Value == nil || args[arg.Key] != "" {
				continue
			}
			value, err := e.word(*arg.Value)
			if err != nil {
				return nil, d.invalid(firstLine(command.Location()), "ARG %s: %v", arg.Key, err)
			}
			e.values[arg.Key] = value
		}
	}
	return e, nil
}

// word returns word with its arguments substituted and its quotes removed.
func (e *expander) word(word string) (string, error) {
	if len(word) > maxWordBytes {
		return "", fmt.Errorf("the value has %d bytes, more than the %d allowed", len(word), maxWordBytes)
	}
	var values shell.EnvGetter = e
	if edits := len(editing.FindAllStringIndex(word, -1)); edits > 0 {
		if e.edited += edits; e.edited > maxEdited {
			return "", fmt.Errorf("it is one of more than the %d values allowed that are a part of another (${A%%.*}); write it out", maxEdited)
		}
		if len(word) > maxEditedBytes {
			return "", fmt.Errorf("it takes a part of a value (${A%%.*}) in more than the %d bytes allowed; write it out", maxEditedBytes)
		}
		values = &shortValues{expander: e}
	}
	out, _, err := e.lex.ProcessWord(word, values)
	if err != nil {
		return "", err
	}
	if short, is := values.(*shortValues); is && short.long {
		return "", fmt.Errorf("it takes a part of a value (${A%%.*}) of more than the %d bytes allowed; write it out", maxEditedBytes)
	}
	if len(out) > maxWordBytes {
		return "", fmt.Errorf("the value has more than the %d bytes allowed once its arguments are substituted", maxWordBytes)
	}
	return out, e.spend(len(out))
}

// shortValues are values of which parts may be taken.
type shortValues struct {
	*expander
	long bool // a longer one was asked for
}

// Get returns a value unless it is too long.
func (s *shortValues) Get(key string) (string, bool) {
	value, found := s.expander.Get(key)
	if len(value) > maxEditedBytes {
		s.long = true
		return "", found
	}
	return value, found
}

// spend counts text that substitution made.
func (e *expander) spend(bytes int) error {
	if e.spent += bytes; e.spent > maxExpandedBytes {
		return errTooMuchText
	}
	return nil
}

// Get and Keys make the expander the lexer's environment.
func (e *expander) Get(key string) (string, bool) {
	value, ok := e.values[key]
	return value, ok
}

// Keys returns the names of all arguments.
func (e *expander) Keys() []string { return slices.Sorted(maps.Keys(e.values)) }

// PlatformArgs returns args with the arguments that builders predefine for a
// platform (os/architecture or os/architecture/variant), where args doesn't
// set them itself.
func PlatformArgs(args map[string]string, platform string) (map[string]string, error) {
	parts := strings.Split(platform, "/")
	if len(parts) < 2 || len(parts) > 3 || slices.Contains(parts, "") {
		return nil, fault.New(fault.Invalid, "%q is no platform; write os/architecture, such as linux/amd64", platform)
	}
	all := map[string]string{}
	for _, side := range []string{"TARGET", "BUILD"} {
		all[side+"PLATFORM"] = platform
		all[side+"OS"] = parts[0]
		all[side+"ARCH"] = parts[1]
		if len(parts) == 3 {
			all[side+"VARIANT"] = parts[2]
		}
	}
	maps.Copy(all, args)
	return all, nil
}
