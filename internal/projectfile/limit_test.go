package projectfile

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/internal/projectfile/grammar"
	"github.com/slipway-dev/slipway/internal/projectfile/syntax"
)

// bomb nests aliases so that the last line has width^depth values.
func bomb(width, depth int) string {
	var s strings.Builder
	s.WriteString("a0: &a0 x\n")
	for i := 1; i <= depth; i++ {
		fmt.Fprintf(&s, "a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i-1), width), ", "))
	}
	return s.String()
}

func nestedBlock(depth int) string {
	var s strings.Builder
	for i := range depth {
		s.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	return s.String()
}

// many returns a map's or list's items, each made from its number.
func many(n int, format string) string {
	var s strings.Builder
	for i := range n {
		fmt.Fprintf(&s, format, i)
	}
	return s.String()
}

// hostile are texts that must be refused for the reason given, at a cost that
// does not depend on a clock: what is too long never reaches the lexer, what
// has too many tokens or is too deep never reaches the parser, and expansion
// stops at MaxNodes.
func hostile() map[string]struct{ text, why string } {
	return map[string]struct{ text, why string }{
		"ten megabytes in a line":    {strings.Repeat("a", 10<<20), "bytes long"},
		"one byte too many":          {"version: 1\n" + strings.Repeat("# aaaa\n", syntax.MaxBytes/7), "bytes long"},
		"long line":                  {"project: " + strings.Repeat("a", syntax.MaxLine), "longer than"},
		"tokens":                     {many(syntax.MaxTokens/3+1, "k%d: v\n"), "YAML tokens"},
		"brackets":                   {strings.Repeat("[", 10_000), "inside each other"},
		"braces":                     {strings.Repeat("{a: ", 2500), "inside each other"},
		"dashes in a line":           {strings.Repeat("- ", 5000), "inside each other"},
		"dashes in lines":            {strings.ReplaceAll(nestedBlock(60), "a:", "-"), "inside each other"},
		"question marks":             {strings.Repeat("? ", 5000), "inside each other"},
		"indentation":                {nestedBlock(40), "inside each other"},
		"flow in block":              {nestedBlock(20) + strings.Repeat(" ", 20) + "- " + strings.Repeat("[", 20), "inside each other"},
		"mixed":                      {strings.Repeat("- a:\n", 1) + strings.Repeat("- [{", 1000), "inside each other"},
		"billion laughs":             {bomb(9, 9), "aliases"},
		"wide bomb":                  {"a: &a [" + strings.Repeat("x, ", 3000) + "]\n" + many(90, "b%d: *a\n"), "values"},
		"bomb by depth":              {bomb(2, 30), "aliases"},
		"deep by alias":              {"a0: &a0 " + strings.Repeat("[", 20) + strings.Repeat("]", 20) + "\na1: " + strings.Repeat("[", 20) + "*a0" + strings.Repeat("]", 20), "inside each other"},
		"aliases":                    {"a: &a x\nb: [" + strings.Repeat("*a, ", syntax.MaxAliases+1) + "]", "aliases"},
		"long key":                   {strings.Repeat("k", syntax.MaxKey+1) + ": a\n", "a key longer than"},
		"duplicate keys":             {strings.Repeat("version: 1\n", 5000), "given twice"},
		"duplicate services":         {"services: {" + strings.Repeat("web: {},\n ", 2000) + "}", "given twice"},
		"services":                   {"services: {" + many(grammar.MaxServices+1, "s%d: {build: {}}, ") + "}", "has 201 keys"},
		"stages":                     {"stages: [" + many(grammar.MaxStages+1, "{name: s%d, branch: main}, ") + "]", "has 101 items"},
		"members":                    {"members: [" + many(grammar.MaxMembers+1, "{user: u%d, role: owner},\n ") + "]", "has 1001 items"},
		"variables":                  {"services: {web: {build: {}, env: {" + many(501, "V%d: a, ") + "}}}", "has 501 keys"},
		"large variable":             {"services: {web: {build: {}, env: {A: \"" + strings.Repeat("a\\\n", 14_000) + strings.Repeat("a\\\n", 20_000) + "\"}}}", "characters long"},
		"unknown keys without end":   {many(6000, "unknown%d: 1\n"), "are not shown"},
		"unknown stages without end": {"stages: [" + many(100, "{name: s%d, branch: main}, ") + "]\nservices: {" + many(60, "w%d: {build: {}, stages: {"+many(60, "zzzzzzzzzz%d: {}, ")+"}},\n ") + "}", "are not shown"},
		"anchors on anchors":         {"a: &a &b x", "valid YAML"},
		"NUL":                        {"a: \x00", "control character"},
		"lone carriage return":       {"a: b\rc: d", "control character"},
		"UTF-16":                     {"\xff\xfea\x00:\x00", "not UTF-8"},
		"overlong UTF-8":             {"a: \xc0\xaf", "not UTF-8"},
		"surrogate":                  {"a: \xed\xa0\x80", "not UTF-8"},
		"directive":                  {"%YAML 1.1\n---\nversion: 1", "directive"},
		"directives":                 {strings.Repeat("%a\n", 5000), "valid YAML"},
		"documents":                  {strings.Repeat("---\na: b\n", 2000), "more than one document"},
	}
}

func TestHostile(t *testing.T) {
	for name, h := range hostile() {
		t.Run(name, func(t *testing.T) {
			_, err := Parse("slipway.yaml", []byte(h.text))
			problems, ok := errors.AsType[Problems](err)
			if !ok || len(problems) == 0 {
				t.Fatalf("accepted: %v", err)
			}
			if !strings.Contains(err.Error(), h.why) {
				t.Errorf("want a problem about %q, got %s", h.why, problems[0])
			}
			if len(err.Error()) > 64<<10 {
				t.Errorf("the message has %d bytes", len(err.Error()))
			}
		})
	}
}

func TestAtTheLimits(t *testing.T) {
	tests := map[string]map[string]string{
		"services": {"services": "services: {" + many(grammar.MaxServices, "s%d: {build: {}}, ") + "}\n"},
		"stages":   {"stages": "stages: [" + many(grammar.MaxStages, "{name: s%d, branch: main}, ") + "]\n"},
		"members":  {"members": "members: [" + many(grammar.MaxMembers, "{user: u%d, role: owner},\n ") + "]\n"},
		"aliases":  {"services": "services: {a: {image: &i \"a:1\"}, " + many(syntax.MaxAliases, "s%d: {image: *i}, ") + "}\n"},
		"size":     {"more": strings.Repeat("# "+strings.Repeat("a", 1021)+"\n", 255)},
	}
	for name, changes := range tests {
		if _, err := Parse("slipway.yaml", fileWith(changes)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestDocumentedLimits holds the table in doc.go against the constants.
func TestDocumentedLimits(t *testing.T) {
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	table := map[string]string{
		"size of the file": "256 KiB", "length of a line": "64 KiB", "YAML tokens": "20,000", "values, aliases expanded": "20,000",
		"maps and lists inside each other": "32", "length of a key": "1,024 bytes", "uses of aliases": "100", "problems reported at once": "50",
		"services": "200", "stages": "100", "members": "1,000",
	}
	constants := []int{syntax.MaxBytes >> 10, syntax.MaxLine >> 10, syntax.MaxTokens, syntax.MaxNodes, syntax.MaxDepth, syntax.MaxKey, syntax.MaxAliases, syntax.MaxProblems, grammar.MaxServices, grammar.MaxStages, grammar.MaxMembers}
	if fmt.Sprint(constants) != "[256 64 20000 20000 32 1024 100 50 200 100 1000]" {
		t.Errorf("a limit changed; correct doc.go and this test: %v", constants)
	}
	for what, value := range table {
		if !regexp.MustCompile(`(?m)^//\t` + what + ` +` + value + `$`).Match(doc) {
			t.Errorf("doc.go does not say %s %s", what, value)
		}
	}
}
