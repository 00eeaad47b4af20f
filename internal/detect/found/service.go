package found

import (
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/project"
)

// Service is one deployable part of a repository.
type Service struct {
	Name string
	// Why says by what it was recognised.
	Why  string
	Spec project.Service
	// Files are what must be written for it, by path.
	Files map[string][]byte
	// Hints are sentences on what a person should look at.
	Hints []string
	// Held are variables whose values are secret and were not copied, or have to be
	// given: they belong into a Secret of the stage.
	Held []string
	// Secret is the one that holds them; empty means that it is called after the
	// service.
	Secret string
}

// SecretName is the Secret that the held variables are in.
func (s Service) SecretName() string {
	if s.Secret != "" {
		return s.Secret
	}
	return s.Name + "-secrets"
}

// Forget takes back the hints with a word in them, because what they are about
// is known by now.
func (s *Service) Forget(word string) {
	s.Hints = slices.DeleteFunc(s.Hints, func(hint string) bool { return strings.Contains(hint, word) })
}

// Hint adds a sentence.
func (s *Service) Hint(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !slices.Contains(s.Hints, text) {
		s.Hints = append(s.Hints, text)
	}
}

// SetEnv sets a variable, unless its value is secret: that is held.
func (s *Service) SetEnv(name, value string) {
	switch {
	case !IsVariable(name):
		s.Hint("the variable %.60q is left out: it is no name of a variable", name)
	case IsSecret(name, value):
		s.Hold(name)
	default:
		if s.Spec.Env == nil {
			s.Spec.Env = map[string]string{}
		}
		s.Spec.Env[name] = value
	}
}

// Hold leaves the value of a variable to a Secret of the stage.
func (s *Service) Hold(name string) {
	if IsVariable(name) && !slices.Contains(s.Held, name) {
		s.Held = append(s.Held, name)
		delete(s.Spec.Env, name)
	}
}

// Write adds a file to write.
func (s *Service) Write(name string, data []byte) {
	if s.Files == nil {
		s.Files = map[string][]byte{}
	}
	s.Files[path.Clean(name)] = data
}

// Listen makes the service reachable on a port.
func (s *Service) Listen(port int32) {
	s.Spec.Port = port
	s.Spec.Routes = []project.Route{{Path: "/"}}
}

// Left is something that was found and left out.
type Left struct {
	// Where is a path, with a line and a key where there are.
	Where  string `json:"where"`
	Reason string `json:"reason"`
}

var (
	variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	// secretWord finds the words that names of secret values have.
	secretWord = regexp.MustCompile(`(?i)passw|passphrase|secret|token|credential|private|api_?key|access_?key|encryption|auth_?key|signing|_(pw|pwd|pass|key|salt|dsn)(_|$)|^(pw|pwd|pass|pgpass|salt)$`)
	// harmless are values that are no secrets whatever the name says.
	harmless = regexp.MustCompile(`^(?i:|true|false|yes|no|on|off|none)$`)
	// login finds a password in a URL or a connection string.
	login = regexp.MustCompile(`(?i)://[^/\s@:]*:[^/\s@]+@|(^|[;&? ])(pwd|password)\s*=\s*[^;&\s]+|-----BEGIN [A-Z ]*PRIVATE KEY`)
	// besideSecret ends the names of variables that say something about a secret.
	besideSecret = regexp.MustCompile(`(?i)^existing|_(file|path|dir|name|url|uri|host|port|user|username|ttl|expiry|expires?|expires_in|expiration|length|size|algorithm|alg|type|enabled|required|min|max|endpoint|issuer)$`)
)

// IsVariable reports whether a text can be the name of a variable.
func IsVariable(name string) bool { return variableName.MatchString(name) }

// IsSecret reports whether a variable sounds like one whose value belongs in a
// Secret, or has a value with a password in it.
func IsSecret(name, value string) bool {
	if login.MatchString(value) {
		return true
	}
	return secretWord.MatchString(name) && !besideSecret.MatchString(name) && !harmless.MatchString(value)
}

// plain is a path that needs no quotes anywhere.
var plain = regexp.MustCompile(`^[A-Za-z0-9_.@][A-Za-z0-9_.@+/-]*$`)

// IsPlain reports whether a path from a repository can stand in a Dockerfile or
// a command as it is.
func IsPlain(name string) bool {
	return plain.MatchString(name) && fs.ValidPath(path.Clean(name))
}

// notInName finds what a name can't hold.
var notInName = regexp.MustCompile(`[^a-z0-9]+`)

// Name makes a service's name of any text.
func Name(text string) string {
	name := dashed(text)
	if name == "" || name[0] < 'a' {
		name = strings.TrimRight(fmt.Sprintf("%.40s", "s-"+name), "-")
	}
	return name
}

// ProjectName makes a project's name of any text.
func ProjectName(text string) string {
	if name := dashed(text); name != "" {
		return name
	}
	return "project"
}

// dashed keeps lower-case letters and digits, with dashes for the rest, at
// most 40 characters.
func dashed(text string) string {
	text = strings.Trim(notInName.ReplaceAllString(strings.ToLower(text), "-"), "-")
	return strings.TrimRight(text[:min(len(text), 40)], "-")
}
