package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/e2e/stand"
)

// liveLimit is how long the demo waits for its first page.
const liveLimit = 4 * time.Minute

// up brings everything up, pushes examples/hello and shows the page.
func up(ctx context.Context) error {
	o, err := options()
	if err != nil {
		return err
	}
	fmt.Println("Slipway's demo. The first time it compiles a Kubernetes, which takes about 15 minutes; later about one.")
	s, err := stand.Up(ctx, o)
	if err != nil {
		return err
	}
	p, err := project(o, s)
	if err != nil {
		return err
	}
	if err := startForge(ctx, o, p, s.Bridge()+":"+forgePort, s.Hook(p)); err != nil {
		return err
	}
	if err := s.Register(ctx, p); err != nil {
		return err
	}
	clone, commit, err := push(ctx, o, p)
	if err != nil {
		return err
	}
	return show(ctx, s, clone, commit)
}

// project returns the demo's project. Its secrets are made once.
func project(o stand.Options, s *stand.Stand) (stand.Project, error) {
	token, err := secret(o, "token")
	if err != nil {
		return stand.Project{}, err
	}
	signing, err := secret(o, "webhook")
	if err != nil {
		return stand.Project{}, err
	}
	forge := "http://" + s.Bridge() + ":" + forgePort
	return stand.Project{
		Organization: "acme", Name: "hello", Path: "acme/hello",
		URL: forge + "/acme/hello.git", API: forge + "/api/v3/",
		Token: token, Secret: signing,
	}, nil
}

// secret returns a random secret that is kept in the demo's folder.
func secret(o stand.Options, name string) (string, error) {
	path := filepath.Join(demoFolder(o), name)
	data, err := os.ReadFile(path)
	if err == nil {
		return string(data), nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("read the demo's %s: %w", name, err)
	}
	if err := os.MkdirAll(demoFolder(o), 0o750); err != nil {
		return "", fmt.Errorf("make the demo's folder: %w", err)
	}
	text := rand.Text()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return "", fmt.Errorf("keep the demo's %s: %w", name, err)
	}
	return text, nil
}

// push makes a clone with examples/hello in it and pushes that, printing what
// it does.
func push(ctx context.Context, o stand.Options, p stand.Project) (clone, commit string, err error) {
	clone = filepath.Join(demoFolder(o), "hello")
	if _, err := os.Stat(filepath.Join(clone, ".git")); err != nil {
		if err := os.CopyFS(clone, os.DirFS(filepath.Join(o.Root, "examples", "hello"))); err != nil {
			return "", "", fmt.Errorf("copy the example: %w", err)
		}
		if err := firstCommit(ctx, clone, p); err != nil {
			return "", "", err
		}
	}
	fmt.Printf("\n$ cd %s && git push origin main\n", clone)
	if err := git(ctx, clone, os.Stdout, "push", "origin", "main"); err != nil {
		return "", "", err
	}
	var head strings.Builder
	err = git(ctx, clone, &head, "rev-parse", "HEAD")
	return clone, strings.TrimSpace(head.String()), err
}

func firstCommit(ctx context.Context, clone string, p stand.Project) error {
	remote, err := url.Parse(p.URL)
	if err != nil {
		return fmt.Errorf("parse the clone URL: %w", err)
	}
	remote.User = url.UserPassword("alice", p.Token)
	for _, args := range [][]string{
		{"init", "--quiet", "--initial-branch=main"},
		{"config", "user.name", "Alice"},
		{"config", "user.email", "alice@acme.example"},
		{"config", "push.autoSetupRemote", "true"},
		{"remote", "add", "origin", remote.String()},
		{"add", "."},
		{"commit", "--quiet", "--message", "Say hello"},
	} {
		if err := git(ctx, clone, io.Discard, args...); err != nil {
			return err
		}
	}
	return nil
}

func git(ctx context.Context, dir string, out io.Writer, args ...string) error {
	command := exec.CommandContext(ctx, "git", args...) //nolint:gosec // fixed arguments
	command.Dir, command.Stdout, command.Stderr = dir, out, os.Stderr
	if err := command.Run(); err != nil {
		return fmt.Errorf("git %s: %w", args[0], err)
	}
	return nil
}

// show waits until the page is live and tells what to do next.
func show(ctx context.Context, s *stand.Stand, clone, commit string) error {
	started := time.Now()
	page, err := awaitLive(ctx, s, commit, liveLimit)
	if err != nil {
		return err
	}
	fmt.Printf("\nlive %.1f s after the push: %s\n\n$ curl %s\n", time.Since(started).Seconds(), page, page)
	body, err := fetch(ctx, page)
	if err != nil {
		return err
	}
	fmt.Println(strings.TrimSpace(body))
	fmt.Printf(`
Push again:     cd %s, change index.html, git commit -am "Change the page" && git push
See progress:   KUBECONFIG=%s %s status --watch
Look inside:    KUBECONFIG=%s %s get pods -A
End:            make demo-down
`, clone, s.Kubeconfig(), s.Slipway(), s.Kubeconfig(), s.Bin("kubectl"))
	return nil
}

// awaitLive shows each new phase of the commit's release until it is live, and
// returns the page's address.
func awaitLive(ctx context.Context, s *stand.Stand, commit string, limit time.Duration) (string, error) {
	var shown, page string
	err := stand.Poll(ctx, limit, func(ctx context.Context) (bool, error) {
		out, err := s.Kubectl(ctx, "get", "releases", "-A", "-o",
			`jsonpath={range .items[?(@.spec.head.commit=="`+commit+`")]}{.status.phase}{"\t"}{.status.message}{"\t"}{.status.url}{"\n"}{end}`)
		if err != nil {
			return false, err
		}
		line := strings.TrimSpace(out[strings.LastIndex(strings.TrimSpace(out), "\n")+1:])
		fields := strings.Split(line, "\t")
		if line == "" || len(fields) < 2 {
			return false, nil
		}
		if line != shown {
			shown = line
			fmt.Printf("  %-11s %s\n", fields[0], fields[1])
		}
		if fields[0] == "Failed" || fields[0] == "Held" {
			return false, fmt.Errorf("the release is %s: %s", fields[0], fields[1])
		}
		page = fields[len(fields)-1]
		return fields[0] == "Succeeded", nil
	})
	if err != nil {
		return "", fmt.Errorf("wait for the page: %w", err)
	}
	return page, nil
}

// fetch returns a page.
func fetch(ctx context.Context, page string) (string, error) {
	var body string
	err := stand.Poll(ctx, 20*time.Second, func(ctx context.Context) (bool, error) {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, page, nil)
		if err != nil {
			return false, fmt.Errorf("get %s: %w", page, err)
		}
		response, err := stand.Client().Do(request)
		if err != nil {
			return false, nil
		}
		defer response.Body.Close()
		data, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
		body = string(data)
		return err == nil && response.StatusCode == http.StatusOK, nil
	})
	if err != nil {
		return "", fmt.Errorf("get %s: %w", page, err)
	}
	return body, nil
}

// down ends the forge and the cluster and removes what they kept. Compiled
// programs and base images stay in the checkout's cache.
func down(ctx context.Context) error {
	o, err := options()
	if err != nil {
		return err
	}
	if err := stopForge(demoFolder(o)); err != nil {
		return err
	}
	if err := stand.At(o).Down(ctx); err != nil {
		return err
	}
	if err := os.RemoveAll(demoFolder(o)); err != nil {
		return fmt.Errorf("remove the demo's folder: %w", err)
	}
	fmt.Printf("ended. Compiled programs and base images stay in %s for the next time; `make clean` removes them.\n", o.Cache)
	return nil
}
