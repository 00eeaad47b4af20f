package build

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestClean(t *testing.T) {
	tests := map[string]struct {
		in    string
		limit int
		want  string
	}{
		"plain":              {"as it is", 100, "as it is"},
		"colour":             {"\x1b[31mred\x1b[0m", 100, "red"},
		"title and link":     {"\x1b]0;evil\ax\x1b]8;;http://e\x1b\\y", 100, "xy"},
		"open sequence":      {"a\x1b[12", 100, "a"},
		"lone escape":        {"a\x1b", 100, "a"},
		"several lines":      {"one\r\ntwo\n\n  three", 100, "one two three"},
		"C1 controls":        {"a\u009b31mb\u0085c", 100, "a 31mb c"},
		"right to left":      {"a\u202eb", 100, "a b"},
		"broken UTF-8":       {"a\xffb", 100, "a\uFFFDb"},
		"cut":                {strings.Repeat("x", 20), 10, "xxxxxxx…"},
		"cut between runes":  {"ééééééé", 10, "ééé…"},
		"limit below a mark": {"abcdef", 2, "…"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := Clean(test.in, test.limit); got != test.want {
				t.Errorf("Clean(%q, %d) = %q, want %q", test.in, test.limit, got, test.want)
			}
		})
	}
}

func FuzzClean(f *testing.F) {
	f.Add("\x1b[31mred\x1b]0;x\a\u202e\n", 10)
	f.Fuzz(func(t *testing.T, in string, limit int) {
		limit = max(limit%4096, 3)
		got := Clean(in, limit)
		if len(got) > limit || !utf8.ValidString(got) || strings.ContainsAny(got, "\x1b\n\r\x00\u202e\u009b") {
			t.Errorf("Clean(%q, %d) = %q", in, limit, got)
		}
	})
}
