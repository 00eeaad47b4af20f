package build

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/frontend/dockerfile/shell"
)

const (
	// maxExpandedBytes bounds all words of a Dockerfile after substitution.
	maxExpandedBytes = 4 << 20
	// maxDocumentBytes bounds a here-document in which variables are substituted.
	maxDocumentBytes = 16 << 10
)

var errTooMuchText = errors.New("its variables make too much text")

// variables are those that the instructions of a stage see. Values that builders
// don't agree on, or that nobody knows, are unsure.
type variables struct {
	global *expander
	args   map[string]string // build arguments
	lex    *shell.Lex
	raw    *shell.Lex // keeps quotes, for here-documents

	env    map[string]string
	local  map[string]string // by ARG
	unsure map[string]bool
	used   string // the last unsure one that was asked for
}

func newVariables(global *expander, args map[string]string) *variables {
	raw := shell.NewLex(parser.DefaultEscapeToken)
	raw.SkipProcessQuotes = true
	return &variables{
		global: global, args: args, lex: shell.NewLex(parser.DefaultEscapeToken), raw: raw,
		env: map[string]string{}, local: map[string]string{}, unsure: map[string]bool{},
	}
}

// inherit takes over what a stage leaves to one that begins with it. Whether its
// arguments are among that, builders don't agree.
func (v *variables) inherit(parent *variables) error {
	for key, value := range parent.env {
		if err := v.global.spend(len(key) + len(value)); err != nil {
			return err
		}
		v.env[key] = value
	}
	maps.Copy(v.unsure, parent.unsure)
	for key := range parent.local {
		if err := v.global.spend(len(key)); err != nil {
			return err
		}
		v.unsure[key] = true
	}
	return nil
}

// setEnv takes over the environment of a base image. When that has no PATH, builders
// don't agree on it.
func (v *variables) setEnv(env []string) error {
	for _, entry := range env {
		if err := v.global.spend(len(entry)); err != nil {
			return err
		}
		key, value, _ := strings.Cut(entry, "=")
		v.env[key] = value
	}
	if _, found := v.env["PATH"]; !found {
		v.unsure["PATH"] = true
	}
	return nil
}

// defaultPath is what PATH is where a base image says nothing.
const defaultPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// WithPath returns an environment in which PATH is set.
func WithPath(env []string) []string {
	if slices.ContainsFunc(env, func(entry string) bool { return strings.HasPrefix(entry, "PATH=") }) {
		return env
	}
	return append(slices.Clone(env), defaultPath)
}

// Get and Keys make the variables the lexer's environment.
func (v *variables) Get(key string) (string, bool) {
	value, found := v.env[key]
	if !found {
		value, found = v.local[key]
	}
	if v.unsure[key] || len(value) > maxWordBytes {
		v.used = key
		return "", found
	}
	return value, found
}

// Keys returns the names of all variables.
func (v *variables) Keys() []string {
	return slices.Concat(slices.Collect(maps.Keys(v.env)), slices.Collect(maps.Keys(v.local)))
}

// apply substitutes the variables of an instruction, in place, and remembers what it
// sets. After an error, what it would have set is unsure.
func (v *variables) apply(command instructions.Command) error {
	v.used = ""
	err := v.expand(command)
	if err == nil && v.used != "" {
		err = fmt.Errorf("the value of $%s depends on the builder", v.used)
	}
	switch c := command.(type) {
	case *instructions.EnvCommand:
		v.applyEnv(c, err != nil)
	case *instructions.ArgCommand:
		return v.applyArgs(c)
	}
	return err
}

func (v *variables) expand(command instructions.Command) error {
	if _, isArg := command.(*instructions.ArgCommand); isArg {
		return nil // each of its values sees those before it
	}
	if expose, is := command.(*instructions.ExposeCommand); is {
		return v.expandPorts(expose)
	}
	if c, is := command.(instructions.SupportsSingleWordExpansion); is {
		if err := c.Expand(func(word string) (string, error) { return v.word(v.lex, word, maxWordBytes) }); err != nil {
			return err
		}
	}
	if c, is := command.(instructions.SupportsSingleWordExpansionRaw); is {
		return c.ExpandRaw(func(text string) (string, error) { return v.word(v.raw, text, maxDocumentBytes) })
	}
	return nil
}

func (v *variables) expandPorts(c *instructions.ExposeCommand) error {
	var ports []string
	for _, port := range c.Ports {
		if err := checkWord(port, maxWordBytes); err != nil {
			return err
		}
		words, err := v.lex.ProcessWords(port, v)
		if err != nil {
			return err
		}
		ports = append(ports, words...)
		if err := v.global.spend(len(strings.Join(words, ""))); err != nil {
			return err
		}
	}
	c.Ports = ports
	return nil
}

// word substitutes variables in a word of at most so many bytes.
func (v *variables) word(lex *shell.Lex, word string, most int) (string, error) {
	if lex == v.raw && !strings.ContainsAny(word, `$\`) {
		return word, nil
	}
	if err := checkWord(word, most); err != nil {
		return "", err
	}
	out, _, err := lex.ProcessWord(word, v)
	if err != nil {
		return "", err
	}
	if len(out) > most {
		return "", errors.New("it has a very long word")
	}
	return out, v.global.spend(len(out))
}

// checkWord refuses a word that costs too much, or that older builders don't know.
func checkWord(word string, most int) error {
	switch {
	case len(word) > most:
		return errors.New("it has a very long word")
	case editing.MatchString(word):
		return errors.New("it takes a part of a variable's value, which not all builders can")
	}
	return nil
}

func (v *variables) applyEnv(c *instructions.EnvCommand, unsure bool) {
	for _, pair := range c.Env {
		v.env[pair.Key] = pair.Value
		delete(v.local, pair.Key)
		delete(v.unsure, pair.Key)
		if unsure {
			v.unsure[pair.Key] = true
		}
	}
}

// applyArgs declares arguments. An argument with the name of a variable of the
// environment wins with some builders and loses with others.
func (v *variables) applyArgs(c *instructions.ArgCommand) error {
	var failed error
	for _, arg := range c.Args {
		v.used = ""
		value, set, err := v.argument(arg)
		if errors.Is(err, errTooMuchText) {
			return err
		}
		if !set && err == nil {
			continue
		}
		_, inEnv := v.env[arg.Key]
		delete(v.unsure, arg.Key)
		if !inEnv {
			v.local[arg.Key] = value
		}
		if given, isGiven := v.args[arg.Key]; err != nil || v.used != "" || inEnv || isGiven && given == "" {
			v.unsure[arg.Key] = true
		}
		failed = errors.Join(failed, err)
	}
	return failed
}

// argument returns the value of an argument: the given one, its default, or that of
// the file's beginning.
func (v *variables) argument(arg instructions.KeyValuePairOptional) (value string, set bool, err error) {
	if given, found := v.args[arg.Key]; found && given != "" {
		return given, true, nil
	}
	if arg.Value != nil {
		value, err = v.word(v.lex, *arg.Value, maxWordBytes)
		return value, true, err
	}
	value, set = v.global.Get(arg.Key)
	return value, set, nil
}
