package cli_test

import (
	"context"
	"errors"
	"flag"
	"os"
	"os/exec"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/slipway-dev/slipway/internal/cli"
	"github.com/slipway-dev/slipway/internal/cli/stream"
)

var update = flag.Bool("update", false, "write what the commands print into the scripts")

// TestMain makes the test binary the program itself when a script, or the
// pool of render workers, calls it slipway.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"slipway": func() {
			build := cli.Build{Version: "test", Commit: "none", Go: "go"}
			os.Exit(cli.Run(context.Background(), os.Args[1:], stream.Standard(true), build, cli.Roles{}))
		},
	})
}

// TestScript runs the scripts in testdata/script. Besides testscript's own
// commands they have `exits CODE COMMAND…`, which wants that exit code, and
// `commit MESSAGE`, which commits everything in the directory.
func TestScript(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:           "testdata/script",
		UpdateScripts: *update,
		Setup: func(env *testscript.Env) error {
			env.Setenv("GIT_CONFIG_GLOBAL", "/dev/null")
			env.Setenv("GIT_CONFIG_SYSTEM", "/dev/null")
			env.Setenv("HOME", env.WorkDir)
			for _, who := range []string{"AUTHOR", "COMMITTER"} {
				env.Setenv("GIT_"+who+"_NAME", "Alice")
				env.Setenv("GIT_"+who+"_EMAIL", "alice@example.com")
				env.Setenv("GIT_"+who+"_DATE", "2026-01-02T03:04:05Z")
			}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":  exits,
			"commit": commit,
		},
	})
}

// exits runs a program and checks its exit code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND…")
	}
	err := ts.Exec(args[1], args[2:]...)
	code := "0"
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		code = Of(exit)
	} else if err != nil {
		ts.Fatalf("run %s: %v", args[1], err)
	}
	if code != args[0] {
		ts.Fatalf("%v exits with %s, want %s", args[1:], code, args[0])
	}
}

func Of(exit *exec.ExitError) string {
	return string(rune('0' + exit.ExitCode()))
}

// commit commits everything.
func commit(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: commit MESSAGE")
	}
	if _, err := os.Stat(ts.MkAbs(".git")); err != nil {
		ts.Check(ts.Exec("git", "init", "-q", "-b", "main"))
	}
	ts.Check(ts.Exec("git", "add", "-A"))
	ts.Check(ts.Exec("git", "commit", "-q", "-m", args[0]))
}
