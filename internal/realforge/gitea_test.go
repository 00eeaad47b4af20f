//go:build gitea

package realforge

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/controller/servertest"
)

// organization owns every repository at the forge.
const organization = "acme"

// bot is the user that Slipway is at the forge, and botScopes what docs/forges.md
// wants of its token.
const (
	bot       = "slipway"
	botScopes = "write:repository,write:issue,read:organization,read:user"
)

// gitea is a running Gitea with an organization and some people.
type gitea struct {
	url    string
	dir    string
	tokens map[string]string // by user

	command *exec.Cmd
	said    servertest.Log
}

// settings are what an administrator would have to decide.
const settings = `I_AM_BEING_UNSAFE_RUNNING_AS_ROOT = true
RUN_MODE = prod
[server]
HTTP_ADDR = 127.0.0.1
HTTP_PORT = %[1]s
ROOT_URL = http://127.0.0.1:%[1]s/
STATIC_ROOT_PATH = %[2]s
DISABLE_SSH = true
OFFLINE_MODE = true
[database]
DB_TYPE = sqlite3
[security]
INSTALL_LOCK = true
[webhook]
ALLOWED_HOST_LIST = loopback
[log]
LEVEL = Warn
`

// startGitea starts a Gitea with the users, the first of whom administers it,
// and an organization that the first two own.
func startGitea(ctx context.Context, users ...string) (*gitea, error) {
	if os.Getenv("GITEA") == "" || os.Getenv("GITEA_SOURCES") == "" {
		return nil, errors.New("GITEA names no program or GITEA_SOURCES no folder of its sources; run make gitea")
	}
	dir, err := os.MkdirTemp("", "gitea-")
	if err != nil {
		return nil, fmt.Errorf("make a folder: %w", err)
	}
	g := &gitea{dir: dir, tokens: map[string]string{}}
	if err := errors.Join(g.start(ctx, users), ctx.Err()); err != nil {
		g.stop()
		return nil, fmt.Errorf("start Gitea: %w\n%s", err, g.said.String())
	}
	return g, nil
}

func (g *gitea) start(ctx context.Context, users []string) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	if err := listener.Close(); err != nil {
		return err
	}
	g.url = "http://127.0.0.1:" + port
	text := fmt.Sprintf(settings, port, os.Getenv("GITEA_SOURCES"))
	if err := os.WriteFile(g.config(), []byte(text), 0o600); err != nil {
		return err
	}
	if output, err := g.program(ctx, "migrate").CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s", err, output)
	}
	for i, user := range users {
		if err := g.admit(ctx, user, i == 0); err != nil {
			return err
		}
	}
	g.command = g.program(context.WithoutCancel(ctx), "web")
	g.command.Stdout, g.command.Stderr = &g.said, &g.said
	if err := g.command.Start(); err != nil {
		return err
	}
	for g.call(ctx, "", http.MethodGet, "/version", nil, nil) != nil && ctx.Err() == nil {
		time.Sleep(20 * time.Millisecond)
	}
	if err := g.call(ctx, users[0], http.MethodPost, "/orgs", object{"username": organization}, nil); err != nil {
		return err
	}
	return g.join(ctx, users[1], "Owners")
}

func (g *gitea) config() string { return filepath.Join(g.dir, "app.ini") }

func (g *gitea) program(ctx context.Context, arguments ...string) *exec.Cmd {
	command := exec.CommandContext(ctx, os.Getenv("GITEA"), append([]string{"--work-path", g.dir, "--config", g.config()}, arguments...)...)
	command.Env = []string{"HOME=" + g.dir, "PATH=" + os.Getenv("PATH")}
	return command
}

// admit makes a user with a token of their own.
func (g *gitea) admit(ctx context.Context, user string, administers bool) error {
	arguments := []string{
		"admin", "user", "create", "--username", user, "--email", user + "@acme.example", "--random-password",
		"--must-change-password=false", "--access-token",
	}
	switch {
	case administers:
		arguments = append(arguments, "--admin", "--access-token-scopes", "all")
	case user == bot:
		arguments = append(arguments, "--access-token-scopes", botScopes)
	}
	output, err := g.program(ctx, arguments...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w\n%s", err, output)
	}
	words := strings.Fields(string(output))
	g.tokens[user] = words[len(words)-1]
	return nil
}

// join puts a user into a team of the organization, which is made when there
// is none.
func (g *gitea) join(ctx context.Context, user, team string) error {
	var found struct{ Data []struct{ ID int64 } }
	search := "/orgs/" + organization + "/teams/search?q=" + team
	if err := g.call(ctx, "owner", http.MethodGet, search, nil, &found); err != nil {
		return err
	}
	if len(found.Data) == 0 {
		made := object{"name": team, "permission": "write", "includes_all_repositories": true, "units": []string{"repo.code", "repo.pulls"}}
		if err := g.call(ctx, "owner", http.MethodPost, "/orgs/"+organization+"/teams", made, nil); err != nil {
			return err
		}
		return g.join(ctx, user, team)
	}
	return g.call(ctx, "owner", http.MethodPut, fmt.Sprintf("/teams/%d/members/%s", found.Data[0].ID, user), nil, nil)
}

func (g *gitea) stop() {
	if g.command != nil && g.command.Process != nil {
		_ = g.command.Process.Kill()
		_ = g.command.Wait()
	}
	_ = os.RemoveAll(g.dir)
}

type object = map[string]any

// call asks the API as a user, or as nobody.
func (g *gitea) call(ctx context.Context, user, method, path string, body, into any) error {
	sent, err := json.Marshal(body)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, method, g.url+"/api/v1"+path, bytes.NewReader(sent))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	if user != "" {
		request.Header.Set("Authorization", "token "+g.tokens[user])
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode >= http.StatusMultipleChoices {
		return fmt.Errorf("%s %s: %d %s: %w", method, path, response.StatusCode, answer, err)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(answer, into)
}
