package git_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/internal/git"
	"github.com/slipway-dev/slipway/internal/git/gittest"
)

func TestCredentialsAreNeverPrinted(t *testing.T) {
	const canary = "canary-4f1d9b"
	c := git.Credentials{Username: canary, Token: canary, SSHKey: []byte(canary), KnownHosts: []byte(canary)}
	r := git.Remote{URL: "https://h/x", Credentials: c}
	var logged strings.Builder
	slog.New(slog.NewJSONHandler(&logged, nil)).Info("x", "credentials", c, "remote", r)
	slog.New(slog.NewTextHandler(&logged, nil)).Info("x", "credentials", c, "remote", r)
	encoded, err := json.Marshal(map[string]any{"c": c, "r": r, "p": &r})
	gittest.Must(t, err)
	all := logged.String() + string(encoded) + c.String() + c.GoString()
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		all += fmt.Sprintf(verb, c) + fmt.Sprintf(verb, &c) + fmt.Sprintf(verb, r) + fmt.Sprintf(verb, &r) + fmt.Sprintf(verb, []git.Remote{r})
	}
	hex := fmt.Sprintf("%x", canary)
	numbers := strings.Trim(fmt.Sprintf("%d", []byte(canary)), "[]")
	for _, secret := range []string{canary, hex, numbers} {
		if strings.Contains(all, secret) {
			t.Errorf("%q is printed:\n%s", secret, all)
		}
	}
	if none := (git.Credentials{}).String(); none != "[none]" {
		t.Errorf("no credentials print as %q", none)
	}
}
