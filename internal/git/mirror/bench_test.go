package mirror_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http/cgi"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/dial"
	"github.com/slipway-dev/slipway/internal/git"
	"github.com/slipway-dev/slipway/internal/git/gittest"
	"github.com/slipway-dev/slipway/internal/git/mirror"
)

// benchFiles is the size of the repository that the figures are given for.
const benchFiles = 10_000

// benchServer serves one repository of benchFiles files, without the request
// log of the tests.
func benchServer(b *testing.B) (git.Remote, string) {
	b.Helper()
	root := b.TempDir()
	dir := filepath.Join(root, "big")
	gittest.Run(b, "", "git", "init", "-q", "--bare", "-b", "main", dir)
	var in bytes.Buffer
	in.WriteString("commit refs/heads/main\ncommitter A <a@b> 1700000000 +0000\ndata 5\nStart\n")
	for i := range benchFiles {
		text := strings.Repeat(fmt.Sprintf("line %d of a file that is not quite empty\n", i), 20)
		fmt.Fprintf(&in, "M 100644 inline pkg%03d/mod%02d/file%05d.txt\ndata %d\n%s\n", i/100, i/10%10, i, len(text), text)
	}
	cmd := exec.Command("git", "-C", dir, "fast-import", "--quiet")
	cmd.Stdin = &in
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("fast-import: %v\n%s", err, out)
	}
	core := strings.TrimSpace(gittest.Run(b, "", "git", "--exec-path"))
	s := httptest.NewServer(&cgi.Handler{Path: filepath.Join(core, "git-http-backend"), Env: []string{"GIT_PROJECT_ROOT=" + root, "GIT_HTTP_EXPORT_ALL=1", "HOME=" + root}})
	b.Cleanup(s.Close)
	return git.Remote{URL: s.URL + "/big", AllowHTTP: true}, dir
}

// touch changes one file in a new commit.
func touch(b *testing.B, dir string, n int) {
	b.Helper()
	in := fmt.Sprintf("commit refs/heads/main\ncommitter A <a@b> %d +0000\ndata 1\nc\nfrom refs/heads/main^0\nM 100644 inline pkg050/mod05/file05055.txt\ndata %d\nv%09d\n\n", 1700000001+n, 11, n)
	cmd := exec.Command("git", "-C", dir, "fast-import", "--quiet")
	cmd.Stdin = strings.NewReader(in)
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("fast-import: %v\n%s", err, out)
	}
}

func BenchmarkFirstFetch(b *testing.B) {
	remote, _ := benchServer(b)
	for b.Loop() {
		m := mirror.NewStore(b.TempDir(), git.Limits{}, dial.Unrestricted())
		if _, err := m.Fetch(context.Background(), key, remote); err != nil {
			b.Fatal(err)
		}
		m.Close()
	}
}

// BenchmarkWarmFetch is a push of one changed file in a repository of 10,000.
func BenchmarkWarmFetch(b *testing.B) {
	remote, dir := benchServer(b)
	m := mirror.NewStore(b.TempDir(), git.Limits{}, dial.Unrestricted())
	defer m.Close()
	ctx := context.Background()
	if _, err := m.Fetch(ctx, key, remote); err != nil {
		b.Fatal(err)
	}
	n := 0
	var own, server time.Duration
	for b.Loop() {
		b.StopTimer()
		n++
		touch(b, dir, n)
		ownBefore, serverBefore := cpu(b, syscall.RUSAGE_SELF), cpu(b, syscall.RUSAGE_CHILDREN)
		b.StartTimer()
		if _, err := m.Fetch(ctx, key, remote); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		own += cpu(b, syscall.RUSAGE_SELF) - ownBefore
		server += cpu(b, syscall.RUSAGE_CHILDREN) - serverBefore
		b.StartTimer()
	}
	// On a busy machine these say more than the time on the clock does.
	b.ReportMetric(float64(own.Microseconds())/float64(n)/1000, "own-cpu-ms/op")
	b.ReportMetric(float64(server.Microseconds())/float64(n)/1000, "git-server-cpu-ms/op")
}

// cpu returns the processor time used so far.
func cpu(b *testing.B, who int) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(who, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func BenchmarkUnchanged(b *testing.B) {
	remote, _ := benchServer(b)
	m := mirror.NewStore(b.TempDir(), git.Limits{}, dial.Unrestricted())
	defer m.Close()
	if _, err := m.Fetch(context.Background(), key, remote); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := m.Fetch(context.Background(), key, remote); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReadFile(b *testing.B) {
	remote, _ := benchServer(b)
	m := mirror.NewStore(b.TempDir(), git.Limits{}, dial.Unrestricted())
	defer m.Close()
	h, err := m.Fetch(context.Background(), key, remote)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		tree, err := m.Tree(context.Background(), key, h.Refs["refs/heads/main"])
		if err == nil {
			_, err = tree.ReadFile("pkg050/mod05/file05055.txt")
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}
