package printable

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestLine(t *testing.T) {
	tests := map[string]struct{ in, want string }{
		"plain":              {"web is ready", "web is ready"},
		"empty":              {"", ""},
		"other scripts":      {"schön 日本 العربية", "schön 日本 العربية"},
		"line ends":          {"one\ntwo\r\nthree\u2028four", "one two three four"},
		"white space":        {"  a \t\v b\u00a0c ", "a b c"},
		"colour":             {"\x1b[31mred\x1b[0m", "red"},
		"cursor":             {"a\x1b[2J\x1b[1;1Hb", "ab"},
		"title":              {"a\x1b]0;owned\ab\x1b]8;;http://x\x1b\\c", "abc"},
		"title without end":  {"a\x1b]0;owned", "a"},
		"escape at the end":  {"a\x1b", "a"},
		"escape of one byte": {"a\x1bcb", "ab"},
		"bell and backspace": {"a\a\bb", "a\ufffd\ufffdb"},
		"C1":                 {"a\u009b31mb", "a\ufffd31mb"},
		"direction":          {"a\u202egpj.exe\u2066b", "a\ufffdgpj.exe\ufffdb"},
		"no width":           {"pro\u200bduction\ufeff", "pro\ufffdduction\ufffd"},
		"invalid UTF-8":      {"a\xff\xfeb", "a\ufffd\ufffdb"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := Line(tt.in); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestLines(t *testing.T) {
	tests := map[string]struct{ in, want string }{
		"kept":        {"one\n\ttwo  three\n", "one\n\ttwo  three\n"},
		"windows":     {"one\r\ntwo", "one\ntwo"},
		"progress":    {"10 %\r20 %", "10 %\n20 %"},
		"separator":   {"one\u2029two", "one\ufffdtwo"},
		"colour":      {"\x1b[1mstep\x1b[m\n", "step\n"},
		"no-op bytes": {"a\x00b", "a\ufffdb"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := Lines(tt.in); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestClip(t *testing.T) {
	tests := map[string]struct {
		in    string
		limit int
		want  string
	}{
		"fits":             {"abcdef", 6, "abcdef"},
		"cut":              {"abcdefg", 6, "abc…"},
		"inside character": {"abcüdefg", 7, "abc…"},
		"nothing left":     {"abcdef", 2, "…"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := Clip(tt.in, tt.limit); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// Whatever comes in, what goes out prints, and cleaning it again changes
// nothing.
func TestNothingUnprintableComesOut(t *testing.T) {
	hostile := rapid.SliceOf(rapid.OneOf(
		rapid.Rune(), rapid.SampledFrom([]rune("\x1b[]\a\\;m \n\r\t\u202e\u200d\u0085\ufeff")),
	))
	rapid.Check(t, func(t *rapid.T) {
		in := string(hostile.Draw(t, "text")) + string(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes"))
		for name, f := range map[string]func(string) string{"Line": Line, "Lines": Lines} {
			out := f(in)
			rest := out
			if name == "Lines" {
				rest = strings.NewReplacer("\n", "", "\t", "").Replace(out)
			}
			if !utf8.ValidString(out) || strings.ContainsFunc(rest, func(r rune) bool { return !unicode.IsPrint(r) }) {
				t.Fatalf("%s(%q) = %q", name, in, out)
			}
			if again := f(out); again != out {
				t.Fatalf("%s(%q) = %q, and again %q", name, in, out, again)
			}
		}
	})
}
