package project

import "testing"

func TestIsName(t *testing.T) {
	tests := map[string]bool{
		"alice": true, "Alice-2_b.c": true, "acme/backend": true, "renovate[bot]": true, "a@b.example": true, "557058:f58131cb-b67d": true, "{uuid}": true,
		"\u00e9mile": true, "\u0430\u043d\u043d\u0430": true, "\u592a\u90ce": true, "42": true,
		"": false, " ": false, "*": false, "al*": false, "a b": false, "a\tb": false, "a\nb": false, "\u00a0": false, "a\u3000": false,
		"a\u200bb": false, "a\u202eb": false, "\ufeffa": false, "a\u00adb": false, "a\u0301": false, "\u3164": false, "a\u2800": false, "\x00": false, "\x1b[2J": false, "\xff": false, "a\ufffd": false,
		"\u0430lice": false, "p\u0430ypal": false, "\u03bfwner": false, "\u212aarl": true,
	}
	for name, want := range tests {
		if got := IsName(name); got != want {
			t.Errorf("IsName(%q) = %v", name, got)
		}
	}
}

func TestSameLogin(t *testing.T) {
	for _, pair := range [][2]string{{"alice", "ALICE"}, {"\u00e9mile", "\u00e9mile"}, {"", ""}} {
		if !SameLogin(pair[0], pair[1]) {
			t.Errorf("%q is not %q", pair[0], pair[1])
		}
	}
	for _, pair := range [][2]string{{"karl", "\u212aarl"}, {"\u00e9mile", "\u00c9mile"}, {"alice", "alice "}, {"alice", ""}, {"ssa", "\u017fsa"}} {
		if SameLogin(pair[0], pair[1]) {
			t.Errorf("%q is %q", pair[0], pair[1])
		}
	}
}
