//go:build integration

package bench

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/controller"
	"github.com/slipway-dev/slipway/internal/kube"
	"github.com/slipway-dev/slipway/internal/naming"
)

// The objects of BenchmarkWatchCache, and what a server may need for them.
var (
	cachedStages   = flag.Int("cached-stages", 10_000, "how many stages the watch cache is filled with")
	cachedReleases = flag.Int("cached-releases", 10, "how many finished releases each of them has")
)

const (
	stagesPerProject = 10
	cacheMemory      = 400 << 20 // bytes resident
	cacheTime        = 20 * time.Second
	cacheWriters     = 24
	// cacheOf makes this program fill a watch cache from the API server of the
	// kubeconfig that it names, and print what that took.
	cacheOf = "BENCH_CACHE_OF"
)

// filled is what filling a watch cache took.
type filled struct {
	Releases int
	Took     time.Duration
	Resident int64 // bytes
}

// BenchmarkWatchCache fills the watch cache of a server, in a process of its
// own, with stages and their finished releases.
func BenchmarkWatchCache(b *testing.B) {
	namespace := naming.OrganizationNamespace("cached") // no server runs that would make it
	if err := world.Client.Create(b.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}); err != nil {
		b.Fatal(err)
	}
	config := rest.CopyConfig(world.Plane.Config)
	config.Impersonate = rest.ImpersonationConfig{UserName: "system:serviceaccount:slipway-system:slipway", Groups: []string{"system:masters"}}
	server, err := client.New(config, client.Options{Scheme: world.Client.Scheme()}) // nobody else may make stages
	if err != nil {
		b.Fatal(err)
	}
	if err := fillServer(b.Context(), server, namespace); err != nil {
		b.Fatal(err)
	}
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
	fmt.Printf("bench watch-cache stages %d releases %d resident_mib %.0f ready_s %.1f\n", *cachedStages, got.Releases, mebibytes(got.Resident), got.Took.Seconds())
	if want := *cachedStages * *cachedReleases; got.Releases != want {
		b.Errorf("the cache holds %d releases, want %d", got.Releases, want)
	}
	if got.Resident > cacheMemory || got.Took > cacheTime {
		b.Errorf("the cache took %.0f MiB and %s; want at most %d MiB and %s", mebibytes(got.Resident), got.Took, cacheMemory>>20, cacheTime)
	}
}

// fillServer makes stages and releases as they are after some months.
func fillServer(ctx context.Context, server client.Client, namespace string) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(cacheWriters)
	for i := range *cachedStages {
		group.Go(func() error { return makeStage(ctx, server, namespace, i) })
	}
	return group.Wait()
}

func makeStage(ctx context.Context, server client.Client, namespace string, number int) error {
	p, name := fmt.Sprintf("p%d", number/stagesPerProject), fmt.Sprintf("s%d", number%stagesPerProject)
	stage := &v1alpha1.Stage{
		ObjectMeta: metav1.ObjectMeta{Name: naming.StageObject(p, name), Namespace: namespace},
		Spec: v1alpha1.StageSpec{
			Project: p, Name: name, Rule: name, Ref: "refs/heads/" + name, Namespace: naming.Namespace("cached", p, name),
			Wanted: cachedHead(number, *cachedReleases),
		},
	}
	if err := server.Create(ctx, stage); err != nil {
		return fmt.Errorf("make stage %s: %w", stage.Name, err)
	}
	for sequence := range *cachedReleases {
		if err := makeRelease(ctx, server, stage, number, int64(sequence+1)); err != nil {
			return err
		}
	}
	return nil
}

func cachedHead(number, sequence int) v1alpha1.Head {
	commit := fmt.Sprintf("%020x%020x", number, sequence)
	return v1alpha1.Head{Commit: commit, FileCommit: commit, FileID: commit, Actor: "alice", Subject: "Show the price with and without tax, as the customer wants it"}
}

// makeRelease makes a finished release of five services.
func makeRelease(ctx context.Context, server client.Client, stage *v1alpha1.Stage, number int, sequence int64) error {
	rel := &v1alpha1.Release{
		ObjectMeta: metav1.ObjectMeta{
			Name: naming.Release(stage.Name, sequence), Namespace: stage.Namespace,
			OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(stage, v1alpha1.GroupVersion().WithKind("Stage"))},
		},
		Spec: v1alpha1.ReleaseSpec{Project: stage.Spec.Project, Stage: stage.Name, Sequence: sequence, Head: cachedHead(number, int(sequence)), Trigger: v1alpha1.TriggerPush},
	}
	if err := server.Create(ctx, rel); err != nil {
		return fmt.Errorf("make release %s: %w", rel.Name, err)
	}
	before := rel.DeepCopy()
	rel.Status = finishedStatus(number)
	if err := server.Status().Patch(ctx, rel, client.MergeFrom(before)); err != nil {
		return fmt.Errorf("finish release %s: %w", rel.Name, err)
	}
	return nil
}

func finishedStatus(number int) v1alpha1.ReleaseStatus {
	now := metav1.NowMicro()
	digest := fmt.Sprintf("sha256:%064x", number)
	status := v1alpha1.ReleaseStatus{
		Phase: v1alpha1.PhaseSucceeded, Reported: v1alpha1.PhaseSucceeded, Bundle: "bundle-" + digest[len(digest)-20:], BundleDigest: digest,
		Message: "live at https://shop.apps.example.com: web built, 4 reused; 3 objects changed", URL: "https://shop.apps.example.com",
	}
	for _, phase := range []v1alpha1.Phase{v1alpha1.PhasePending, v1alpha1.PhaseBuilding, v1alpha1.PhaseRendering, v1alpha1.PhaseApplying, v1alpha1.PhaseVerifying} {
		status.Timings = append(status.Timings, v1alpha1.PhaseTime{Phase: phase, At: now})
	}
	for _, service := range []string{"web", "worker", "mailer", "search", "cache"} {
		status.Services = append(status.Services, v1alpha1.ReleaseService{Name: service, Image: "registry.example/acme/shop/" + service + "@" + digest, InputHash: digest, Why: "the files that it is built from are those of release 7", Inputs: map[string]string{"context": digest, "dockerfile": digest, "base golang:1.26": digest}})
	}
	return status
}

// fillCache fills a watch cache as the server does and returns what it took.
func fillCache(ctx context.Context, kubeconfig string) (filled, error) {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return filled{}, fmt.Errorf("read the kubeconfig: %w", err)
	}
	config.QPS = -1
	options := controller.CacheOptions()
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
