package build

import (
	"bytes"
	"encoding/json"
	"path"
	"strings"

	"github.com/docker/cli/cli/config"
	"github.com/docker/cli/cli/config/types"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"

	"github.com/slipway-dev/slipway/internal/fault"
)

// maxCredentialBytes is the size of the largest Secret that Kubernetes keeps.
const maxCredentialBytes = 1 << 20

// Credentials are registry credentials by host, or host and leading path, as
// the bytes of a kubernetes.io/dockerconfigjson Secret hold them. Nothing
// prints them. The zero value holds none.
type Credentials struct {
	places map[string]authn.AuthConfig
}

// ParseCredentials reads a Docker configuration file; no bytes mean no
// credentials. Credential helpers that it names are ignored: they would run
// programs. Errors never repeat the content.
func ParseCredentials(data []byte) (Credentials, error) {
	if len(data) == 0 {
		return Credentials{}, nil
	}
	if len(data) > maxCredentialBytes {
		return Credentials{}, fault.New(fault.Invalid, "the registry credentials have %d bytes, more than the %d allowed; make the Secret smaller", len(data), maxCredentialBytes)
	}
	file, err := config.LoadFromReader(bytes.NewReader(data))
	if err != nil {
		return Credentials{}, fault.New(fault.Invalid, "the registry credentials are no Docker configuration file; make the Secret with: kubectl create secret docker-registry")
	}
	creds := Credentials{places: map[string]authn.AuthConfig{}}
	for key, auth := range file.GetAuthConfigs() {
		creds.places[placeOf(key)] = authConfig(auth)
	}
	return creds, nil
}

func authConfig(auth types.AuthConfig) authn.AuthConfig {
	return authn.AuthConfig{
		Username:      auth.Username,
		Password:      auth.Password,
		IdentityToken: auth.IdentityToken,
		RegistryToken: auth.RegistryToken,
	}
}

// placeOf returns the host, or host and path, that a key of a Docker
// configuration file means. Keys may be URLs of the registry's API, for
// historical reasons.
func placeOf(key string) string {
	place := strings.TrimPrefix(strings.TrimPrefix(key, "https://"), "http://")
	host, rest, _ := strings.Cut(strings.TrimSuffix(place, "/"), "/")
	if host == "docker.io" {
		host = name.DefaultRegistry
	}
	if rest == "" || rest == "v1" || rest == "v2" {
		return host
	}
	return host + "/" + rest
}

// find returns the credentials of the longest leading path of place.
func (c Credentials) find(place string) (authn.AuthConfig, bool) {
	for ; place != "." && place != "/"; place = path.Dir(place) {
		if auth, ok := c.places[place]; ok {
			return auth, true
		}
	}
	return authn.AuthConfig{}, false
}

// Resolve makes Credentials an authn.Keychain: a registry that they don't name
// is asked anonymously.
func (c Credentials) Resolve(target authn.Resource) (authn.Authenticator, error) {
	auth, ok := c.find(target.String())
	if !ok {
		return authn.Anonymous, nil
	}
	return authn.FromConfig(auth), nil
}

// Only returns, as a Docker configuration file, the one credential that serves
// a repository (host/path), so that a pod gets no other; nil when there is
// none.
func (c Credentials) Only(repository string) ([]byte, error) {
	auth, ok := c.find(placeOf(repository))
	if !ok {
		return nil, nil
	}
	host, _, _ := strings.Cut(placeOf(repository), "/")
	return json.Marshal(map[string]any{"auths": map[string]authn.AuthConfig{host: auth}})
}

// String hides the credentials.
func (c Credentials) String() string { return "credentials (hidden)" }

// GoString hides the credentials.
func (c Credentials) GoString() string { return c.String() }

// MarshalJSON hides the credentials.
func (c Credentials) MarshalJSON() ([]byte, error) { return json.Marshal(c.String()) }
