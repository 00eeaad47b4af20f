package wire

import (
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/internal/git"
)

func FuzzEndpoint(f *testing.F) {
	for _, seed := range []string{"https://h/a/b.git", "git@h:a/b.git", "ssh://git@[::1]:22/a", "file:///etc", "--upload-pack=x", "ext::sh", "../x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		e, err := ParseEndpoint(git.Remote{URL: raw})
		if err != nil {
			return
		}
		if e.scheme != "https" && e.scheme != "ssh" {
			t.Fatalf("%q gives scheme %q", raw, e.scheme)
		}
		if strings.HasPrefix(e.host, "-") || e.host == "" || strings.Contains("/"+e.path+"/", "/../") {
			t.Fatalf("%q gives %+v", raw, e)
		}
		if e.scheme == "ssh" && strings.ContainsAny(e.path+e.user, "'\\!`$;&|<>() \n") {
			t.Fatalf("%q would reach a shell as %q", raw, e.path)
		}
	})
}
