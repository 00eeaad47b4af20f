package image

import (
	"bytes"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/cmd/devcluster/internal/image/oci"
)

func TestParseFile(t *testing.T) {
	for text, want := range map[string]fileFlag{
		"app:/app":               {source: "app", destination: "/app"},
		"./a:b:/srv/app:0755":    {source: "./a:b", destination: "/srv/app", mode: 0o755},
		"/abs/folder:/":          {source: "/abs/folder", destination: "/"},
		"x:/setuid:4755":         {source: "x", destination: "/setuid", mode: 0o4755},
		"C:/in/a/folder:/d:0600": {source: "C:/in/a/folder", destination: "/d", mode: 0o600},
	} {
		got, err := parseFile(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(fileFlag{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
	for _, text := range []string{"", "app", "app:relative", ":/app", "app:/app:", "app:/app:0", "app:/app:9", "app:/app:77777", "app:/app:rwx", "app:/app:0755x"} {
		if got, err := parseFile(text); err == nil {
			t.Errorf("%q was read as %+v", text, got)
		}
	}
}

func serve(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

// run runs `image` as people do, with the root command's flags.
func run(t *testing.T, args ...string) (output string, err error) {
	t.Helper()
	root := &cobra.Command{Use: "devcluster", SilenceUsage: true, SilenceErrors: true}
	root.PersistentFlags().String("source", "", "")
	root.PersistentFlags().String("cache", t.TempDir(), "")
	root.AddCommand(NewCommand())
	var out bytes.Buffer
	root.SetOut(&out)
	root.SetErr(&out)
	root.SetArgs(append([]string{"image"}, args...))
	err = root.ExecuteContext(t.Context())
	return out.String(), err
}

func TestPushTwiceGivesOneDigest(t *testing.T) {
	host := serve(t)
	var printed []string
	for _, mode := range []os.FileMode{0o600, 0o666} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "page"), []byte("hi"), mode); err != nil {
			t.Fatal(err)
		}
		output, err := run(t, "push", host+"/page:1", "--insecure", "--file", dir+":/www", "--file", dir+"/page:/bin/page:0755",
			"--entrypoint", "/bin/page,-v", "--env", "A=b=c", "--user", "1:2", "--workdir", "/www", "--label", "k=v")
		if err != nil {
			t.Fatal(err)
		}
		printed = append(printed, output)
	}
	if printed[0] != printed[1] || !strings.HasPrefix(printed[0], "sha256:") {
		t.Errorf("digests: %q", printed)
	}
	image, err := oci.Pull(t.Context(), host+"/page:1", true)
	if err != nil {
		t.Fatal(err)
	}
	file, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	got := []any{file.Config.Entrypoint, file.Config.Env, file.Config.User, file.Config.WorkingDir, file.Config.Labels}
	want := []any{[]string{"/bin/page", "-v"}, []string{"A=b=c"}, "1:2", "/www", map[string]string{"k": "v"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("configuration (-want +got):\n%s", diff)
	}
}

func TestPushOnBase(t *testing.T) {
	host := serve(t)
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := run(t, "push", host+"/base:1", "--insecure", "--file", file+":/base", "--env", "FROM=base"); err != nil {
		t.Fatal(err)
	}
	if _, err := run(t, "push", host+"/top:1", "--insecure", "--base", host+"/base:1", "--file", file+":/top"); err != nil {
		t.Fatal(err)
	}
	image, err := oci.Pull(t.Context(), host+"/top:1", true)
	if err != nil {
		t.Fatal(err)
	}
	config, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if len(config.RootFS.DiffIDs) != 2 || !cmp.Equal(config.Config.Env, []string{"FROM=base"}) {
		t.Errorf("layers %v, environment %v", config.RootFS.DiffIDs, config.Config.Env)
	}
}

func TestCommandsRefuse(t *testing.T) {
	for name, test := range map[string]struct {
		args []string
		want string
	}{
		"nothing to push":    {[]string{"push", "host/app:1"}, "--file SRC:/dest"},
		"no destination":     {[]string{"push", "host/app:1", "--file", "app"}, "SRC:/dest"},
		"missing file":       {[]string{"push", "host/app:1", "--file", "/nonexistent:/app"}, "/nonexistent"},
		"env without value":  {[]string{"push", "host/app:1", "--file", "/etc/passwd:/p", "--env", "A"}, "NAME=VALUE"},
		"two files, one way": {[]string{"push", "host/app:1", "--file", "/etc/passwd:/p", "--file", "/etc/group:/p"}, "/p: the path is taken"},
		"seed nothing":       {[]string{"seed", "--registry", "host"}, "busybox:1.36"},
		"seed nowhere":       {[]string{"seed", "busybox"}, "--registry HOST:PORT"},
		"seed unknown":       {[]string{"seed", "mysql", "--registry", "127.0.0.1:1"}, "no recipe"},
		"kaniko nowhere":     {[]string{"kaniko"}, "--push"},
		"list and all":       {[]string{"seed", "--list", "--all"}, "none of the others can be"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := run(t, test.args...); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q in it", err, test.want)
			}
		})
	}
}

func TestSeedList(t *testing.T) {
	output, err := run(t, "seed", "--list")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"pause:1", "busybox:1.36", "golang:1.26", "redis:7", "postgres:15", "kaniko:1"} {
		if !strings.Contains(output, "\n"+name) && !strings.HasPrefix(output, name) {
			t.Errorf("%s is not listed:\n%s", name, output)
		}
	}
}

// Seeding pause takes this checkout and its Go, and nothing else.
func TestSeedPause(t *testing.T) {
	host := serve(t)
	output, err := run(t, "seed", "pause", "--registry", host)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(output, host+"/pause:1: pushed as sha256:") {
		t.Errorf("output:\n%s", output)
	}
	image, err := oci.Pull(t.Context(), host+"/pause:1", true)
	if err != nil {
		t.Fatal(err)
	}
	config, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"/pause"}, config.Config.Entrypoint); diff != "" {
		t.Errorf("entrypoint (-want +got):\n%s", diff)
	}
}
