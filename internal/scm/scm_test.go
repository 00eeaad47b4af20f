package scm_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
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

func TestCommand(t *testing.T) {
	cases := map[string]struct {
		body, want string
		none       bool
	}{
		"alone":                 {body: "/slipway approve", want: "approve"},
		"after white space":     {body: "  /slipway\tapprove  4f2a ", want: "approve 4f2a"},
		"nothing but its name":  {body: "/slipway"},
		"among others":          {body: "Thanks!\n/slipway sleep\n:)", want: "sleep"},
		"the first of two":      {body: "/slipway help\n/slipway approve", want: "help"},
		"after a code block":    {body: "```sh\n/slipway approve\n```\n/slipway help", want: "help"},
		"after what is hidden":  {body: "<!--\n/slipway approve\n-->\n/slipway help", want: "help"},
		"long":                  {body: "/slipway " + strings.Repeat("a", 1000), want: strings.Repeat("a", 253) + "\u2026"},
		"in a sentence":         {body: "please /slipway approve", none: true},
		"another word":          {body: "/slipways", none: true},
		"quoted":                {body: "> /slipway approve", none: true},
		"quoted twice":          {body: "> > /slipway approve", none: true},
		"in a code block":       {body: "```\n/slipway approve\n```", none: true},
		"in an open code block": {body: "~~~ text\n/slipway approve", none: true},
		"of another fence":      {body: "~~~\n```\n/slipway approve\n~~~", none: true},
		"in a longer fence":     {body: "````\n```\n/slipway approve\n```\n````", none: true},
		"another fence opens":   {body: "```\n```sh\n/slipway approve\n```", none: true},
		"after a longer fence":  {body: "~~~~\n~~~\n~~~~~\n/slipway help", want: "help"},
		"indented as code":      {body: "look:\n\n    /slipway approve", none: true},
		"hidden":                {body: "hello <!-- you\n/slipway approve\n-->", none: true},
		"hidden on one line":    {body: "<!-- /slipway approve -->", none: true},
		"in a list":             {body: "- /slipway approve", none: true},
		"in other letters":      {body: "/Slipway approve", none: true},
		"empty":                 {none: true},
	}
	for name, tt := range cases {
		got, addressed := (&scm.PostedComment{Body: tt.body}).Command()
		if got != tt.want || addressed == tt.none {
			t.Errorf("%s: Command(%q) = %q, %t; want %q, %t", name, tt.body, got, addressed, tt.want, !tt.none)
		}
	}
}

func TestTimesOfForges(t *testing.T) {
	want := time.Date(2026, 3, 4, 11, 0, 0, 0, time.UTC)
	for name, tt := range map[string]struct {
		text string
		want time.Time
	}{
		"GitHub":         {`"2026-03-04T11:00:00Z"`, want},
		"Bitbucket":      {`"2026-03-04T11:00:00.000000+00:00"`, want},
		"GitLab":         {`"2026-03-04 11:00:00 UTC"`, want},
		"an old GitLab":  {`"2026-03-04 13:00:00 +0200"`, want},
		"a Data Center":  {"1772622000000", want},
		"none":           {"null", time.Time{}},
		"something else": {`{"at": 1}`, time.Time{}},
		"no time":        {`"yesterday"`, time.Time{}},
		"before 1970":    {"-5", time.Time{}},
	} {
		var got scm.Time
		if err := json.Unmarshal([]byte(tt.text), &got); err != nil || !got.Equal(tt.want) {
			t.Errorf("%s: %v, %v; want %v", name, got, err, tt.want)
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
