package examples_test

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/render"
	"github.com/slipway-dev/slipway/internal/render/worker"
)

func shop(b *testing.B) render.Request {
	b.Helper()
	doc := document(b, "shop")
	stage, found := doc.File.Stage("production")
	if !found {
		b.Fatal("examples/shop has no stage production")
	}
	return request(b, "shop", doc, stage)
}

func newPool(b *testing.B, size int) *worker.Pool {
	b.Helper()
	pool, err := worker.New(context.Background(), worker.Options{Executable: "/proc/self/exe", Size: size})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(pool.Close)
	return pool
}

// BenchmarkShop is a warm render of examples/shop in a worker; the target is
// 60 ms.
func BenchmarkShop(b *testing.B) { beside(b, os.DirFS("shop"), shop(b)) }

// beside renders in a worker, and reports the ratio to Kustomize alone, in
// this process and in the same run, on the same objects.
func beside(b *testing.B, fsys fs.FS, req render.Request) {
	b.Helper()
	pool, plain := newPool(b, 1), newPlain(b, fsys, req)
	if _, err := pool.Render(context.Background(), fsys, req); err != nil { // starts the worker
		b.Fatal(err)
	}
	var ours, theirs time.Duration
	for b.Loop() {
		began := time.Now()
		if _, err := pool.Render(context.Background(), fsys, req); err != nil {
			b.Fatal(err)
		}
		ours += time.Since(began)
		theirs += plain.run(b)
	}
	b.ReportMetric(float64(ours.Microseconds())/1000/float64(b.N), "ms/render")
	b.ReportMetric(float64(theirs.Microseconds())/1000/float64(b.N), "ms/kustomize")
	b.ReportMetric(float64(ours)/float64(theirs), "ratio")
}

// BenchmarkObjects renders 500 objects in a worker; the target is 1 s.
func BenchmarkObjects(b *testing.B) {
	fsys := fstest.MapFS{}
	var list strings.Builder
	for i := range 250 {
		fmt.Fprintf(&list, "- o%d.yaml\n", i)
		fsys[fmt.Sprintf("raw/o%d.yaml", i)] = &fstest.MapFile{Data: fmt.Appendf(nil, `apiVersion: apps/v1
kind: Deployment
metadata: {name: d%[1]d}
spec:
  selector: {matchLabels: {app: d%[1]d}}
  template:
    metadata: {labels: {app: d%[1]d}}
    spec:
      containers:
      - {name: main, image: 'registry.example/d:%[1]d', ports: [{containerPort: 8080}], env: [{name: A, value: b}]}
---
apiVersion: v1
kind: Service
metadata: {name: d%[1]d}
spec: {selector: {app: d%[1]d}, ports: [{port: 80, targetPort: 8080}]}
`, i)}
	}
	fsys["raw/kustomization.yaml"] = &fstest.MapFile{Data: []byte("resources:\n" + list.String())}
	req := render.Request{Organization: "acme", Project: "large", Stage: "dev", Services: map[string]project.Service{"raw": {Kustomize: "raw"}}}
	beside(b, fsys, req)
}

// BenchmarkParallel compares eight renders at once in two workers and in one;
// the target is a speed-up of 1.7 on two processors.
func BenchmarkParallel(b *testing.B) {
	req, fsys := shop(b), os.DirFS("shop")
	one, two := newPool(b, 1), newPool(b, 2)
	eight(b, two, fsys, req) // starts the second worker
	var single, double time.Duration
	for b.Loop() {
		single += eight(b, one, fsys, req)
		double += eight(b, two, fsys, req)
	}
	b.ReportMetric(float64(single)/float64(double), "speed-up")
}

func eight(b *testing.B, pool *worker.Pool, fsys fs.FS, req render.Request) time.Duration {
	b.Helper()
	began := time.Now()
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			if _, err := pool.Render(context.Background(), fsys, req); err != nil {
				b.Error(err)
			}
		})
	}
	group.Wait()
	return time.Since(began)
}

// plain is what Kustomize alone would render.
type plain struct{ files filesys.FileSystem }

func newPlain(b *testing.B, fsys fs.FS, req render.Request) plain {
	b.Helper()
	files, err := render.Collect(context.Background(), fsys, req, render.DefaultLimits())
	if err != nil {
		b.Fatal(err)
	}
	ejected, err := render.Eject(context.Background(), req, files)
	if err != nil {
		b.Fatal(err)
	}
	memory := filesys.MakeFsInMemory()
	for name, data := range ejected {
		if err := memory.WriteFile(path.Join("/tree", name), data); err != nil {
			b.Fatal(err)
		}
	}
	return plain{memory}
}

func (p plain) run(b *testing.B) time.Duration {
	b.Helper()
	began := time.Now()
	options := krusty.MakeDefaultOptions()
	options.Reorder = krusty.ReorderOptionUnspecified
	objects, err := krusty.MakeKustomizer(options).Run(p.files, "/tree")
	if err != nil {
		b.Fatal(err)
	}
	if _, err := objects.AsYaml(); err != nil {
		b.Fatal(err)
	}
	return time.Since(began)
}
