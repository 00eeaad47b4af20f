package scmtest

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/scm"
)

// Subject is a driver with what the tests need to make deliveries for it.
type Subject struct {
	Driver scm.Driver
	// Header returns the headers of an unsigned delivery, its id included.
	Header func(event string) http.Header
	// Sign adds the signature of a body.
	Sign func(h http.Header, body, secret []byte)
	// Signature is the name of the header that Sign sets.
	Signature string
	// Token is whether the signature is the secret itself.
	Token bool
	// Others are the drivers that must not match its deliveries.
	Others []scm.Driver
	// Push returns the event's name and a body that moves a ref.
	Push func(m scm.Move) (event string, body []byte)
}

// Ids that stand for commits in the tests.
const (
	Zero  = "0000000000000000000000000000000000000000"
	One   = "1111111111111111111111111111111111111111"
	Two   = "2222222222222222222222222222222222222222"
	Long  = "3333333333333333333333333333333333333333333333333333333333333333"
	Path  = "acme/shop"
	Actor = "alice"
)

// Conform checks everything that a driver promises.
func Conform(t *testing.T, s Subject) {
	t.Run("matches", s.matches)
	t.Run("verify", s.verify)
	t.Run("moves", s.moves)
	t.Run("hostile", s.hostile)
}

// push returns a delivery of a plain push.
func (s Subject) push() (http.Header, []byte) {
	event, body := s.Push(scm.Move{Ref: "refs/heads/main", Before: One, After: Two})
	return s.Header(event), body
}

func (s Subject) matches(t *testing.T) {
	h, _ := s.push()
	if !s.Driver.Matches(h) {
		t.Error("the driver doesn't match its own delivery")
	}
	event, body := s.Push(scm.Move{Ref: "refs/heads/main", Before: One, After: Two})
	made := s.Driver.Headers(event, "the-delivery")
	if e, err := s.Driver.Parse(made, body); err != nil || !s.Driver.Matches(made) || e.Delivery != "the-delivery" {
		t.Errorf("with headers of its own the driver reads %+v, %v", e, err)
	}
	if s.Driver.Matches(http.Header{"Content-Type": {"application/json"}}) {
		t.Error("the driver matches a request without headers of a forge")
	}
	for _, other := range s.Others {
		if other.Matches(h) {
			t.Errorf("%T matches it too", other)
		}
	}
	if s.Driver.MaxBody() <= 0 || s.Driver.MaxBody() > 25<<20 {
		t.Errorf("MaxBody() = %d, want at most 25 MiB", s.Driver.MaxBody())
	}
}

func (s Subject) verify(t *testing.T) {
	now, before, other := []byte("the present secret"), []byte("the one before"), []byte("somebody else's")
	signed := func(secret []byte) func(http.Header, []byte) {
		return func(h http.Header, body []byte) { s.Sign(h, body, secret) }
	}
	value := func(change func(string) []string) func(http.Header, []byte) {
		return func(h http.Header, body []byte) {
			s.Sign(h, body, now)
			h[http.CanonicalHeaderKey(s.Signature)] = change(h.Get(s.Signature))
		}
	}
	cases := map[string]struct {
		prepare func(http.Header, []byte)
		secrets [][]byte
		valid   bool
	}{
		"right":                 {signed(now), [][]byte{now}, true},
		"right, rotating":       {signed(now), [][]byte{now, before}, true},
		"previous, rotating":    {signed(before), [][]byte{now, before}, true},
		"previous, rotated":     {signed(before), [][]byte{now}, false},
		"other secret":          {signed(other), [][]byte{now, before}, false},
		"unsigned":              {func(http.Header, []byte) {}, [][]byte{now}, false},
		"no secret":             {signed(now), nil, false},
		"empty secret":          {signed(nil), [][]byte{{}}, false},
		"nil secret":            {signed(nil), [][]byte{nil}, false},
		"one of two empty":      {signed(now), [][]byte{now, {}}, false},
		"three secrets":         {signed(now), [][]byte{now, before, other}, false},
		"empty value":           {value(func(string) []string { return []string{""} }), [][]byte{now}, false},
		"two equal values":      {value(func(v string) []string { return []string{v, v} }), [][]byte{now}, false},
		"wrong then right":      {value(func(v string) []string { return []string{strings.Repeat("0", len(v)), v} }), [][]byte{now}, false},
		"right and empty":       {value(func(v string) []string { return []string{v, ""} }), [][]byte{now}, false},
		"joined by comma":       {value(func(v string) []string { return []string{v + "," + v} }), [][]byte{now}, false},
		"cut":                   {value(func(v string) []string { return []string{v[:len(v)-1]} }), [][]byte{now}, false},
		"longer":                {value(func(v string) []string { return []string{v + "0"} }), [][]byte{now}, false},
		"space before":          {value(func(v string) []string { return []string{" " + v} }), [][]byte{now}, false},
		"sha1 in its place":     {value(func(string) []string { return []string{"sha1=" + strings.Repeat("a", 40)} }), [][]byte{now}, false},
		"sha1 with sha256 size": {value(func(string) []string { return []string{"sha1=" + strings.Repeat("a", 64)} }), [][]byte{now}, false},
		"no hexadecimal":        {value(func(string) []string { return []string{"sha256=" + strings.Repeat("z", 64)} }), [][]byte{now}, false},
		"all zeros":             {value(func(string) []string { return []string{"sha256=" + strings.Repeat("0", 64)} }), [][]byte{now}, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			h, body := s.push()
			c.prepare(h, body)
			check(t, s.Driver.Verify(h, body, c.secrets), c.valid)
		})
	}
	t.Run("body changed", func(t *testing.T) {
		h, body := s.push()
		s.Sign(h, body, now)
		check(t, s.Driver.Verify(h, append(bytes.Clone(body), ' '), [][]byte{now}), s.Token)
	})
	t.Run("only sha1", func(t *testing.T) {
		h, body := s.push()
		h.Set("X-Hub-Signature", "sha1="+strings.Repeat("a", 40))
		check(t, s.Driver.Verify(h, body, [][]byte{now}), false)
	})
}

func check(t *testing.T, err error, valid bool) {
	t.Helper()
	if (err == nil) != valid {
		t.Fatalf("Verify = %v, want valid %t", err, valid)
	}
	if err != nil && fault.CodeOf(err) != fault.Denied {
		t.Fatalf("Verify = %v of code %s, want denied", err, fault.CodeOf(err))
	}
}

func (s Subject) moves(t *testing.T) {
	type want struct {
		kind                     scm.Kind
		before, after            string
		created, deleted, forced bool
	}
	const branch, tag = "refs/heads/", "refs/tags/"
	cases := map[string]struct {
		move scm.Move
		want want
	}{
		"branch main":            {scm.Move{Ref: branch + "main", Before: One, After: Two}, want{kind: scm.KindPush, before: One, after: Two}},
		"tag main":               {scm.Move{Ref: tag + "main", Before: Zero, After: Two}, want{kind: scm.KindTag, after: Two, created: true}},
		"branch refs/heads/main": {scm.Move{Ref: branch + "refs/heads/main", Before: One, After: Two}, want{kind: scm.KindPush, before: One, after: Two}},
		"branch feature/main":    {scm.Move{Ref: branch + "feature/main", Before: One, After: Two}, want{kind: scm.KindPush, before: One, after: Two}},
		"branch refs/tags/v1":    {scm.Move{Ref: branch + "refs/tags/v1", Before: One, After: Two}, want{kind: scm.KindPush, before: One, after: Two}},
		"branch unicode":         {scm.Move{Ref: branch + "größe/日本-🚀", Before: One, After: Two}, want{kind: scm.KindPush, before: One, after: Two}},
		"branch shell":           {scm.Move{Ref: branch + "$(reboot);`id`&|<>'\"#", Before: One, After: Two}, want{kind: scm.KindPush, before: One, after: Two}},
		"new branch":             {scm.Move{Ref: branch + "new", Before: Zero, After: Two}, want{kind: scm.KindPush, after: Two, created: true}},
		"deleted branch":         {scm.Move{Ref: branch + "old", Before: One, After: Zero}, want{kind: scm.KindDelete, before: One, deleted: true}},
		"deleted tag":            {scm.Move{Ref: tag + "v1", Before: One, After: Zero}, want{kind: scm.KindDelete, before: One, deleted: true}},
		"nothing moved":          {scm.Move{Ref: branch + "main", Before: One, After: One}, want{kind: scm.KindPush, before: One, after: One}},
		"sha-256":                {scm.Move{Ref: branch + "main", Before: strings.Repeat("0", 64), After: Long}, want{kind: scm.KindPush, after: Long, created: true}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			event, body := s.Push(c.move)
			e, err := s.Driver.Parse(s.Header(event), body)
			if err != nil {
				t.Fatal(err)
			}
			got := want{e.Kind, e.Before, e.After, e.Created, e.Deleted, e.Forced}
			if got != c.want {
				t.Errorf("got %+v\nwant %+v", got, c.want)
			}
			if e.Ref != c.move.Ref || e.Repository != Path || e.Actor != Actor || e.Delivery == "" || e.Name != event {
				t.Errorf("ref %q, repository %q, actor %q, delivery %q, name %q", e.Ref, e.Repository, e.Actor, e.Delivery, e.Name)
			}
		})
	}
}

// canary is a piece of every hostile body that no error may quote.
const canary = "CANARY-5d41"

// refuse checks that a body is refused, and quoted in no error.
func (s Subject) refuse(t *testing.T, name string, h http.Header, body []byte) {
	t.Run(name, func(t *testing.T) {
		_, err := s.Driver.Parse(h, body)
		if fault.CodeOf(err) != fault.Invalid {
			t.Fatalf("Parse = %v, want an error of code invalid", err)
		}
		if strings.Contains(err.Error(), canary) {
			t.Fatalf("the error quotes the body: %v", err)
		}
	})
}

// broken returns what good becomes when something in it is wrong.
func broken(good []byte) map[string][]byte {
	swap := func(old, replacement string) []byte { return bytes.ReplaceAll(good, []byte(old), []byte(replacement)) }
	owner := func(replacement string) []byte { // a path is whole or in two fields
		body := swap(Path, replacement+"/shop")
		return bytes.ReplaceAll(body, []byte(`"acme"`), []byte(`"`+replacement+`"`))
	}
	return map[string][]byte{
		"empty":              nil,
		"no JSON":            []byte(canary),
		"a list":             []byte(`["` + canary + `"]`),
		"a string":           []byte(`"` + canary + `"`),
		"null":               []byte("null"),
		"two values":         append(bytes.Clone(good), good...),
		"byte order mark":    append([]byte("\xef\xbb\xbf"), good...),
		"deep":               []byte(strings.Repeat(`{"a":`, 20000) + "1" + strings.Repeat("}", 20000)),
		"repository climbs":  owner(".."),
		"repository alone":   owner(""),
		"repository long":    owner(strings.Repeat("x", 400)),
		"repository control": owner(`ac\u0000me`),
		"commit short":       swap(Two, "2222"),
		"commit option":      swap(Two, "--upload-pack="+canary+"-----------"),
		"commit upper case":  swap(Two, strings.Repeat("A", 40)),
		"ref dots":           swap(canary, canary+"..x"),
		"ref space":          swap(canary, canary+" x"),
		"ref control":        swap(canary, canary+`\n`),
		"ref long":           swap(canary, canary+strings.Repeat("x", 2000)),
	}
}

func (s Subject) hostile(t *testing.T) {
	event, good := s.Push(scm.Move{Ref: "refs/heads/" + canary, Before: One, After: Two})
	header := s.Header(event)
	for name, body := range broken(good) {
		s.refuse(t, name, header, body)
	}
	s.refuse(t, "no event", http.Header{}, good)
	doubled := header.Clone()
	for name, values := range doubled {
		doubled[name] = append(values, values...)
	}
	s.refuse(t, "doubled headers", doubled, good)
	t.Run("every prefix", func(t *testing.T) {
		for i := range len(good) {
			if _, err := s.Driver.Parse(header, good[:i]); err == nil {
				t.Fatalf("the first %d of %d bytes are an event", i, len(good))
			}
		}
	})
	t.Run("unknown event", func(t *testing.T) {
		e, err := s.Driver.Parse(s.Header("surprise"), []byte(canary))
		if err != nil || e.Kind != scm.KindIgnored || e.Reason == "" {
			t.Fatalf("Parse = %+v, %v, want an ignored event with a reason", e, err)
		}
	})
}
