//go:build integration

package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/controller"
	"github.com/slipway-dev/slipway/internal/kube"
)

// cacheOf makes this program fill a watch cache from the API server of the
// kubeconfig that it names, and print what that took.
const cacheOf = "BENCH_CACHE_OF"

// filled is what filling a watch cache took.
type filled struct {
	Releases int
	Took     time.Duration
	Resident int64 // bytes
}

// measureCache fills the watch cache of a server, in a process of its own.
func measureCache(b *testing.B) {
	executable, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	child := exec.CommandContext(b.Context(), executable)
	child.Env = append(os.Environ(), cacheOf+"="+world.Plane.Kubeconfig)
	child.Stderr = os.Stderr
	out, err := child.Output()
	if err != nil {
		b.Fatalf("fill a watch cache: %v", err)
	}
	var got filled
	if err := json.Unmarshal(out, &got); err != nil {
		b.Fatalf("%v in %s", err, out)
	}
	fmt.Printf("bench watch-cache stages %d releases %d resident_mib %.0f filled_s %.1f\n", *manyStages, got.Releases, mebibytes(got.Resident), got.Took.Seconds())
	if want := *manyStages * *releasesEach; got.Releases != want {
		b.Errorf("the cache holds %d releases, want %d", got.Releases, want)
	}
	if got.Resident > cacheMemory {
		b.Errorf("the cache took %.0f MiB; want at most %d MiB", mebibytes(got.Resident), cacheMemory>>20)
	}
}

// fillCache fills a watch cache as the server does and returns what it took.
func fillCache(ctx context.Context, kubeconfig string) (filled, error) {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return filled{}, fmt.Errorf("read the kubeconfig: %w", err)
	}
	config.QPS = -1
	options := controller.CacheOptions(config, "")
	options.Scheme = runtime.NewScheme()
	if err := v1alpha1.AddToScheme(options.Scheme); err != nil {
		return filled{}, err
	}
	watched, err := cache.New(config, options)
	if err != nil {
		return filled{}, fmt.Errorf("make a cache: %w", err)
	}
	began := time.Now()
	if err := kube.IndexFields(ctx, watched); err != nil {
		return filled{}, err
	}
	stop, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- watched.Start(stop) }()
	if !watched.WaitForCacheSync(ctx) {
		return filled{}, errors.New("the cache was not filled")
	}
	got := filled{Took: time.Since(began)}
	var releases v1alpha1.ReleaseList
	if err := watched.List(ctx, &releases, client.UnsafeDisableDeepCopy); err != nil {
		return filled{}, fmt.Errorf("list releases: %w", err)
	}
	got.Releases = len(releases.Items)
	releases.Items = nil
	debug.FreeOSMemory()
	got.Resident = residentMemory()
	cancel()
	return got, <-ended
}

// residentMemory returns the resident memory of this process, in bytes.
func residentMemory() int64 {
	var kibibytes int64
	text, _, _ := strings.Cut(line("/proc/self/status", "VmRSS"), " ")
	if _, err := fmt.Sscan(text, &kibibytes); err != nil {
		return 0
	}
	return kibibytes << 10
}
