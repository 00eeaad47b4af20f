package project

import (
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
)

// A login that comes with another account is nobody until an owner accepts it.
func TestLoginsThatChangeHands(t *testing.T) {
	tests := map[string]struct {
		project func(*v1alpha1.Project)
		happens string
		force   string
		held    string
		known   string // LOGIN#ID, and ?ID of a claim, of each identity
	}{
		"the first account":             {happens: "alice#42 pushes b: eve; sync", force: "eve", known: "alice#42"},
		"another account":               {happens: "alice#42 pushes b: ; sync; alice#77 pushes c: eve; sync", held: "alice (account 77)", known: "alice#42?77"},
		"another in the same sync":      {happens: "alice#42 pushes b: ; alice#77 pushes c: eve; sync", held: "alice (account 77)", known: "alice#42?77"},
		"without an account":            {happens: "alice#42 pushes b: ; sync; alice pushes c: eve; sync", held: "alice (no account id)", known: "alice#42"},
		"in other letters":              {happens: "alice#42 pushes b: ; sync; ALICE#77 pushes c: eve; sync", held: "ALICE (account 77)", known: "alice#42?77"},
		"the first one again":           {happens: "alice#42 pushes b: ; sync; alice#77 pushes c: web2; sync; alice#42 pushes d: eve; sync", force: "eve", known: "alice#42?77"},
		"an owner accepts it":           {happens: "dev#7 pushes b: ; sync; dev#8 pushes c: web2; sync; alice accepts dev#8; sync", force: "web2", known: "dev#8"},
		"and it counts from then":       {happens: "mia#7 pushes b: ; sync; mia#8 pushes c: web2; sync; alice accepts mia#8; sync; mia#8 pushes d: web2 more; sync", force: "web2 more", known: "mia#8"},
		"and the old one is nobody":     {happens: "mia#7 pushes b: ; sync; mia#8 pushes c: web2; sync; alice accepts mia#8; sync; mia#7 pushes d: web2 more; sync", force: "web2", held: "mia (account 7)", known: "mia#8?7"},
		"a maintainer accepts it":       {happens: "dev#7 pushes b: ; sync; dev#8 pushes c: web2; sync; mia accepts dev#8; sync", force: "web2", known: "dev#7?8"},
		"he accepts himself":            {happens: "dev#7 pushes b: ; sync; dev#8 pushes c: web2; sync; dev accepts dev#8; sync", force: "web2", known: "dev#7?8"},
		"an owner accepts another":      {happens: "dev#7 pushes b: ; sync; dev#8 pushes c: web2; sync; alice accepts dev#9; sync", force: "web2", known: "dev#7?8"},
		"an owner accepts one too soon": {happens: "dev#7 pushes b: ; sync; alice accepts dev#8; sync; dev#8 pushes c: more; sync", held: "dev (account 8)", known: "dev#7?8"},
		"who is no member":              {happens: "eve#9 pushes b: web2; sync", force: "web2"},
		"who becomes one":               {happens: "eve#9 pushes b: web2; sync; alice#42 pushes c: web2 eve; sync; eve#9 pushes d: eve; sync", force: "eve", known: "alice#42 eve#9"},
		"who is none any more":          {happens: "alice#42 pushes b: eve; sync; eve#9 pushes c: eve web2; sync; alice#42 pushes d: web2; sync", force: "web2", known: "alice#42"},
		"and comes back":                {happens: "alice#42 pushes b: eve; sync; eve#9 pushes c: eve web2; sync; alice#42 pushes d: ; sync; alice#42 pushes e: eve; sync; eve#10 pushes f: eve bob; sync", force: "eve bob", known: "alice#42 eve#10"},
		"through a restart":             {happens: "alice#42 pushes b: ; sync; restart; alice#77 pushes c: eve; sync", held: "alice (account 77)", known: "alice#42?77"},
		"branch protection is believed": {project: trusting, happens: "alice#42 pushes b: ; sync; alice#77 pushes c: eve; sync", force: "eve", known: "alice#42?77"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			l := newLife(t, tt.project)
			for line := range strings.SplitSeq(tt.happens, ";") {
				l.play(t, strings.TrimSpace(line))
			}
			l.check(t, tt.force, tt.held, 0)
			var known []string
			for _, one := range l.project(t).Status.Identities {
				text := one.Login + "#" + one.ID
				if one.Claimed != "" {
					text += "?" + one.Claimed
				}
				known = append(known, text)
				if one.Forge != "git.example" || one.Since.IsZero() {
					t.Errorf("known is %+v", one)
				}
			}
			if got := strings.Join(known, " "); got != tt.known {
				t.Errorf("known are %q, want %q", got, tt.known)
			}
		})
	}
}

// The accounts of a forge that the project left mean nothing at another.
func TestAccountsOfAnotherForge(t *testing.T) {
	l := newLife(t, nil)
	l.play(t, "alice#42 pushes b: ")
	l.play(t, "sync")
	l.update(t, func(p *v1alpha1.Project) { p.Spec.Repositories[0].URL = "https://other.example/acme/shop.git" })
	l.play(t, "alice#77 pushes c: eve")
	l.play(t, "sync")
	l.check(t, "eve", "", 2)
	if known := l.project(t).Status.Identities; len(known) != 1 || known[0].ID != "77" || known[0].Forge != "other.example" {
		t.Errorf("known are %+v", known)
	}
}
