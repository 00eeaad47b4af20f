package scm_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/slipway-dev/slipway/internal/scm"
)

func TestDescribe(t *testing.T) {
	cases := map[string]struct {
		text  string
		limit int
		want  string
	}{
		"fits":            {"live", 140, "live"},
		"exactly":         {"12345", 5, "12345"},
		"at a word":       {"building web and worker", 15, "building web…"},
		"no word near":    {strings.Repeat("x", 20), 10, strings.Repeat("x", 9) + "…"},
		"after a comma":   {"web is ready, worker isn't", 16, "web is ready…"},
		"lines":           {"a\n\tb\r\nc", 140, "a b c"},
		"control":         {"a\x00\x1b[31mb", 140, "a\ufffdb"},
		"many bytes":      {strings.Repeat("🚀", 200), 140, strings.Repeat("🚀", 139) + "…"},
		"only spaces":     {" \n ", 140, ""},
		"word at the end": {"failed: web crashes", 19, "failed: web crashes"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := scm.Describe(c.text, c.limit); got != c.want {
				t.Errorf("Describe = %q, want %q", got, c.want)
			}
		})
	}
}

func TestDescribeIsBounded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text, limit := rapid.String().Draw(t, "text"), rapid.IntRange(2, 200).Draw(t, "limit")
		got := scm.Describe(text, limit)
		if utf8.RuneCountInString(got) > limit || !utf8.ValidString(got) || strings.ContainsAny(got, "\n\r\t\x00") {
			t.Fatalf("Describe(%q, %d) = %q", text, limit, got)
		}
	})
}

func TestBodyIsBounded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Repeat(rapid.String().Draw(t, "text"), rapid.IntRange(0, 3000).Draw(t, "times"))
		got := scm.Body(text)
		if len(got) > scm.MaxComment || !utf8.ValidString(got) || strings.ContainsAny(got, "\x00\r\x1b") {
			t.Fatalf("a body of %d bytes became one of %d", len(text), len(got))
		}
	})
}

func TestAddressed(t *testing.T) {
	cases := map[string]bool{
		"/slipway approve":            true,
		"  /slipway\tapprove":         true,
		"/slipway":                    true,
		"Thanks!\n/slipway sleep\n:)": true,
		"please /slipway approve":     false,
		"/slipways":                   false,
		"> /slipway approve":          false,
		"":                            false,
	}
	for body, want := range cases {
		if got := (&scm.PostedComment{Body: body}).Addressed(); got != want {
			t.Errorf("Addressed(%q) = %t, want %t", body, got, want)
		}
	}
}

func TestNoteMarks(t *testing.T) {
	preview, members := scm.Comment{Topic: "preview", Body: "x"}, scm.Comment{Topic: "members"}
	if !preview.Marked(preview.Mark()) || preview.Marked(members.Mark()) || preview.Marked("x"+preview.Mark()) || preview.Marked("") {
		t.Error("a note doesn't know its own mark")
	}
	sly := scm.Comment{Topic: "a)\n<script>\\"}
	if strings.Count(sly.Mark(), ")") != 1 || strings.Contains(sly.Mark(), "\n<") {
		t.Errorf("a topic ends the hidden line early: %q", sly.Mark())
	}
	if !scm.OwnComment(preview.Mark()) || scm.OwnComment("hello") {
		t.Error("own comments aren't known")
	}
	if !scm.Own(scm.Context("production")) || !scm.Own(scm.ProjectContext) || scm.Own("ci/test") || scm.Own("slipway-lint") {
		t.Error("own checks aren't known")
	}
}

func TestFork(t *testing.T) {
	same, other, fork := "acme/shop", "ACME/Shop", "bob/shop"
	cases := map[string]struct {
		head scm.Side
		want bool
	}{
		"same":       {scm.Side{Repository: &same}, false},
		"same, case": {scm.Side{Repository: &other}, false},
		"fork":       {scm.Side{Repository: &fork}, true},
		"gone":       {scm.Side{}, true},
	}
	for name, c := range cases {
		if got := scm.Fork(c.head, "acme/shop"); got != c.want {
			t.Errorf("%s: Fork = %t, want %t", name, got, c.want)
		}
	}
}
