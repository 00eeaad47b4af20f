package build

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"

	"github.com/slipway-dev/slipway/internal/fault"
)

func dockerConfig(users map[string]string) []byte {
	auths := map[string]any{}
	for place, user := range users {
		auths[place] = map[string]string{"auth": base64.StdEncoding.EncodeToString([]byte(user + ":pass-" + user))}
	}
	data, err := json.Marshal(map[string]any{"auths": auths, "credsStore": "must-not-run"})
	if err != nil {
		panic(err)
	}
	return data
}

func TestCredentialsResolve(t *testing.T) {
	creds, err := ParseCredentials(dockerConfig(map[string]string{
		"registry.example":            "host",
		"registry.example/acme/shop/": "project",
		"https://index.docker.io/v1/": "hub",
		"http://plain.example:5000":   "plain",
	}))
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]string{
		"registry.example/other/x":          "host",
		"registry.example/acme":             "host",
		"registry.example/acme/shop":        "project",
		"registry.example/acme/shop/sub":    "project",
		"registry.example/acme/shopping":    "host",
		"library/busybox":                   "hub",
		"plain.example:5000/x":              "plain",
		"elsewhere.example/x":               "",
		"registry.example.evil.example/x":   "",
		"sub.registry.example/acme/shop":    "",
		"registry.example:5000/acme/shop/x": "",
	}
	for repository, want := range tests {
		t.Run(repository, func(t *testing.T) {
			repo, err := name.NewRepository(repository)
			if err != nil {
				t.Fatal(err)
			}
			got, err := creds.Resolve(repo)
			if err != nil {
				t.Fatal(err)
			}
			auth, err := got.Authorization()
			if err != nil {
				t.Fatal(err)
			}
			if auth.Username != want {
				t.Errorf("user %q, want %q", auth.Username, want)
			}
		})
	}
}

func TestCredentialsOnly(t *testing.T) {
	creds, err := ParseCredentials(dockerConfig(map[string]string{
		"registry.example": "a", "registry.example/acme": "b", "other.example": "c",
	}))
	if err != nil {
		t.Fatal(err)
	}
	data, err := creds.Only("registry.example/acme/shop")
	if err != nil {
		t.Fatal(err)
	}
	only, err := ParseCredentials(data)
	if err != nil {
		t.Fatal(err)
	}
	if len(only.places) != 1 || only.places["registry.example"].Username != "b" || only.places["registry.example"].Password != "pass-b" {
		t.Errorf("Only kept %d places, user %q", len(only.places), only.places["registry.example"].Username)
	}
	if data, err := creds.Only("third.example/x"); data != nil || err != nil {
		t.Errorf("Only of an unknown host = %s, %v", data, err)
	}
}

func TestCredentialsAreHidden(t *testing.T) {
	creds, err := ParseCredentials(dockerConfig(map[string]string{"registry.example": "user"}))
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := json.Marshal(struct{ C Credentials }{creds})
	if err != nil {
		t.Fatal(err)
	}
	source := Source{URL: "http://slipway", Token: "pass-token"}
	for _, shown := range []string{fmt.Sprint(creds), fmt.Sprintf("%+v", creds), fmt.Sprintf("%#v", creds), fmt.Sprintf("%v %+v %#v", Request{Credentials: creds, Source: source}, source, source), string(encoded)} {
		if strings.Contains(shown, "pass-") {
			t.Errorf("a secret shows in %q", shown)
		}
	}
}

func TestCredentialsErrors(t *testing.T) {
	const secret = "hunter2"
	for name, data := range map[string]string{
		"no JSON":      secret,
		"no base64":    `{"auths":{"a":{"auth":"` + secret + `!"}}}`,
		"too large":    strings.Repeat(secret, 1<<18),
		"wrong shape":  `{"auths":"` + secret + `"}`,
		"cut in parts": `{"auths":{"a":{"auth":"` + secret,
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ParseCredentials([]byte(data))
			if fault.CodeOf(err) != fault.Invalid {
				t.Fatalf("error %v, want invalid", err)
			}
			if strings.Contains(err.Error(), secret) {
				t.Errorf("error repeats the content: %v", err)
			}
		})
	}
	none, err := ParseCredentials(nil)
	if err != nil {
		t.Fatal(err)
	}
	repo, err := name.NewRepository("registry.example/x")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := none.Resolve(repo); err != nil || got != authn.Anonymous {
		t.Errorf("no credentials resolve to %v, %v", got, err)
	}
}
