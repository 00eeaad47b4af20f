package worker_test

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"go.uber.org/goleak"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/render"
	"github.com/slipway-dev/slipway/internal/render/worker"
)

// TestMain makes the test binary its own render worker.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "render-worker" {
		if err := worker.Main(context.Background(), os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	if len(os.Args) == 5 && os.Args[1] == "probe" {
		probe(os.Args[2], os.Args[3], os.Args[4])
		return
	}
	goleak.VerifyTestMain(m)
}

func newPool(t testing.TB, change func(*worker.Options)) *worker.Pool {
	t.Helper()
	options := worker.Options{Executable: "/proc/self/exe", Size: 2, Limits: worker.DefaultLimits()}
	if change != nil {
		change(&options)
	}
	pool, err := worker.New(context.Background(), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

func repository(files map[string]string) fstest.MapFS {
	fsys := fstest.MapFS{}
	for name, text := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(text), Mode: 0o644}
	}
	return fsys
}

func shop() (fs.FS, render.Request) {
	fsys := repository(map[string]string{
		"deploy/kustomization.yaml": "patches:\n- path: web.yaml\n",
		"deploy/web.yaml":           "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {replicas: 2}\n",
	})
	return fsys, render.Request{
		Organization: "acme", Project: "shop", Stage: "production", Overlays: []render.OverlayReference{{Directory: "deploy"}},
		Services: map[string]project.Service{
			"web":    {Image: "web:1", Port: 8080, Routes: []project.Route{{Path: "/"}}},
			"worker": {Image: "worker:1"},
			"cache":  {Image: "redis:7.4", Port: 6379},
		},
		Hosts: map[string][]string{"web": {"web.example"}},
	}
}

func TestRenderEqualsInProcess(t *testing.T) {
	pool := newPool(t, nil)
	fsys, req := shop()
	got, err := pool.Render(context.Background(), fsys, req)
	if err != nil {
		t.Fatal(err)
	}
	files, err := render.Collect(context.Background(), fsys, req, render.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	want, err := render.Render(context.Background(), req, files)
	if err != nil {
		t.Fatal(err)
	}
	if string(got.Manifests) != string(want.Manifests) {
		t.Errorf("a worker renders\n%s\nbut this process\n%s", got.Manifests, want.Manifests)
	}
	if fmt.Sprint(got.Images) != fmt.Sprint(want.Images) {
		t.Errorf("images %v, want %v", got.Images, want.Images)
	}
}

func TestErrorsKeepTheirCode(t *testing.T) {
	pool := newPool(t, nil)
	_, err := pool.Render(context.Background(), repository(nil), render.Request{
		Organization: "acme", Project: "shop", Stage: "dev",
		Services: map[string]project.Service{"raw": {Kustomize: "deploy"}},
	})
	if fault.CodeOf(err) != fault.Invalid || !strings.Contains(err.Error(), "slipway.yaml") {
		t.Errorf("got %v, want an invalid error that names slipway.yaml", err)
	}
}

func TestParallelRenders(t *testing.T) {
	pool := newPool(t, nil)
	fsys, req := shop()
	var group sync.WaitGroup
	for range 16 {
		group.Go(func() {
			if _, err := pool.Render(context.Background(), fsys, req); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
}

func TestCancelledRenderEndsAtOnce(t *testing.T) {
	pool := newPool(t, nil)
	_, req := shop()
	ctx, cancel := context.WithCancel(context.Background())
	_, err := pool.Render(ctx, cancelling{cancel}, req)
	if err == nil || ctx.Err() == nil {
		t.Errorf("got %v, want an error after the context ended", err)
	}
	fsys, req := shop()
	if _, err := pool.Render(context.Background(), fsys, req); err != nil {
		t.Errorf("after a cancelled render: %v", err)
	}
}

// cancelling ends the caller's context as soon as something is read.
type cancelling struct{ cancel func() }

func (c cancelling) Open(string) (fs.File, error) {
	c.cancel()
	time.Sleep(100 * time.Millisecond)
	return nil, fs.ErrNotExist
}

func TestKilledChildIsReplaced(t *testing.T) {
	pool := newPool(t, func(o *worker.Options) { o.Size = 1 })
	fsys, req := shop()
	for range 3 {
		for _, pid := range childrenOf(t, os.Getpid()) {
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
		}
		waitForChildren(t, 0)
		if _, err := pool.Render(context.Background(), fsys, req); err != nil {
			t.Fatal(err)
		}
	}
}

// TestHangingChildIsKilled stops a child in the middle of its work.
func TestHangingChildIsKilled(t *testing.T) {
	limits := worker.DefaultLimits()
	limits.Time = 2 * time.Second
	pool := newPool(t, func(o *worker.Options) { o.Size, o.Limits = 1, limits })
	children := childrenOf(t, os.Getpid())
	if len(children) != 1 {
		t.Fatalf("there are %d children, want 1", len(children))
	}
	if err := syscall.Kill(children[0], syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	fsys, req := shop()
	began := time.Now()
	_, err := pool.Render(context.Background(), fsys, req)
	if took := time.Since(began); took > limits.Time+time.Second {
		t.Errorf("it took %s, want at most %s", took, limits.Time+time.Second)
	}
	if fault.CodeOf(err) != fault.Unavailable || !strings.Contains(err.Error(), "did not end within 2s") {
		t.Errorf("got %v, want an unavailable error that names the limit", err)
	}
	if slices.Contains(childrenOf(t, os.Getpid()), children[0]) {
		t.Error("the hanging child is still there")
	}
}

func TestOutputIsLimited(t *testing.T) {
	limits := worker.DefaultLimits()
	limits.Output = 64 << 10
	pool := newPool(t, func(o *worker.Options) { o.Size, o.Limits = 1, limits })
	fsys, req := shop()
	for i := range 100 {
		req.Services[fmt.Sprintf("more-%d", i)] = project.Service{Image: "more:1", Port: 80}
	}
	_, err := pool.Render(context.Background(), fsys, req)
	if fault.CodeOf(err) != fault.Invalid || !strings.Contains(err.Error(), "manifests") {
		t.Errorf("got %v, want an invalid error about the size of the manifests", err)
	}
}

// TestChildrenAreReplacedInTime counts the processes of many renders.
func TestChildrenAreReplacedInTime(t *testing.T) {
	limits := worker.DefaultLimits()
	limits.Renders = 2
	pool := newPool(t, func(o *worker.Options) { o.Size, o.Limits = 1, limits })
	seen := map[int]bool{}
	fsys, req := shop()
	for range 6 {
		for _, pid := range childrenOf(t, os.Getpid()) {
			seen[pid] = true
		}
		if _, err := pool.Render(context.Background(), fsys, req); err != nil {
			t.Fatal(err)
		}
	}
	if len(seen) < 3 {
		t.Errorf("%d children did 6 renders, want at least 3", len(seen))
	}
}

// One child stays warm for whoever comes next.
func TestUnusedChildrenEndButOne(t *testing.T) {
	pool := newPool(t, func(o *worker.Options) { o.Size, o.Idle = 2, time.Second })
	fsys, req := shop()
	var group sync.WaitGroup
	for range 2 {
		group.Go(func() {
			if _, err := pool.Render(context.Background(), fsys, req); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	waitForChildren(t, 1)
	time.Sleep(2 * time.Second)
	waitForChildren(t, 1)
}

// TestCloseLeavesNoProcess closes pools with idle children, a child at work
// and a child being started: nothing of them remains, not even for a moment.
func TestCloseLeavesNoProcess(t *testing.T) {
	fsys, req := shop()
	cases := map[string]func(*testing.T, *worker.Pool, *sync.WaitGroup){
		"idle": func(t *testing.T, pool *worker.Pool, _ *sync.WaitGroup) {
			if _, err := pool.Render(context.Background(), fsys, req); err != nil {
				t.Fatal(err)
			}
		},
		"at work": func(t *testing.T, pool *worker.Pool, group *sync.WaitGroup) {
			reading := make(chan struct{})
			group.Go(func() {
				if _, err := pool.Render(context.Background(), hanging{reading}, req); err == nil || !strings.Contains(err.Error(), "closed") {
					t.Errorf("an interrupted render: got %v, want an error that says the pool is closed", err)
				}
			})
			<-reading
		},
		"starting": func(_ *testing.T, pool *worker.Pool, group *sync.WaitGroup) {
			for range 2 {
				group.Go(func() { _, _ = pool.Render(context.Background(), fsys, req) })
			}
		},
	}
	for name, prepare := range cases {
		t.Run(name, func(t *testing.T) {
			var group sync.WaitGroup
			pool := newPool(t, nil)
			prepare(t, pool, &group)
			pool.Close()
			if left := childrenOf(t, os.Getpid()); len(left) > 0 {
				t.Errorf("processes %v remain", left)
			}
			if _, err := pool.Render(context.Background(), fsys, req); err == nil {
				t.Error("a closed pool renders")
			}
			group.Wait()
		})
	}
}

// hanging says when something is read, and then lets it wait.
type hanging struct{ reading chan struct{} }

func (h hanging) Open(string) (fs.File, error) {
	close(h.reading)
	time.Sleep(time.Second)
	return nil, fs.ErrNotExist
}

func waitForChildren(t *testing.T, want int) {
	t.Helper()
	for range 500 {
		if len(childrenOf(t, os.Getpid())) == want {
			time.Sleep(20 * time.Millisecond) // until the pool has reaped it
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Errorf("there are %d children, want %d", len(childrenOf(t, os.Getpid())), want)
}

func TestNoPoolWithoutConfinement(t *testing.T) {
	_, err := worker.New(context.Background(), worker.Options{Executable: "/bin/false"})
	if err == nil {
		t.Error("a pool started with a program that is no worker")
	}
}

func childrenOf(t *testing.T, pid int) []int {
	t.Helper()
	paths, err := fs.Glob(os.DirFS("/proc"), fmt.Sprintf("%d/task/*/children", pid))
	if err != nil {
		t.Fatal(err)
	}
	var children []int
	for _, path := range paths {
		data, err := os.ReadFile("/proc/" + path)
		if err != nil {
			continue
		}
		for field := range strings.FieldsSeq(string(data)) {
			var child int
			if _, err := fmt.Sscan(field, &child); err == nil {
				children = append(children, child)
			}
		}
	}
	return children
}

func BenchmarkRender(b *testing.B) {
	pool := newPool(b, nil)
	fsys, req := shop()
	for b.Loop() {
		if _, err := pool.Render(context.Background(), fsys, req); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkStart(b *testing.B) {
	for b.Loop() {
		pool := newPool(b, func(o *worker.Options) { o.Size = 1 })
		pool.Close()
	}
}

func BenchmarkParallel(b *testing.B) {
	for _, size := range []int{1, 2} {
		b.Run(fmt.Sprintf("workers=%d", size), func(b *testing.B) {
			pool := newPool(b, func(o *worker.Options) { o.Size = size })
			fsys, req := shop()
			for b.Loop() {
				var group sync.WaitGroup
				for range 8 {
					group.Go(func() {
						if _, err := pool.Render(context.Background(), fsys, req); err != nil {
							b.Error(err)
						}
					})
				}
				group.Wait()
			}
		})
	}
}
