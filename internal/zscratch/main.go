package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"strconv"
	"syscall"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kruntime "k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/controller"
	"github.com/slipway-dev/slipway/internal/kube"
)

func hex(n, of int) string { return fmt.Sprintf("%0*x", n, uint64(of+1)*0x9e3779b97f4a7c15)[:n] }

func uid(i int) types.UID { h := hex(36, i); return types.UID(h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + fmt.Sprintf("%012x", i)) }

func release(i int) *v1alpha1.Release {
	s := i / 10
	stage, number := fmt.Sprintf("p%d-s%d-%s", s/10, s%10, hex(6, s)), i%10+1
	at := time.Unix(1_700_000_000+int64(i), 0)
	r := &v1alpha1.Release{
		TypeMeta: metav1.TypeMeta{APIVersion: "slipway.dev/v1alpha1", Kind: "Release"},
		ObjectMeta: metav1.ObjectMeta{
			Name: fmt.Sprintf("%s-%d", stage, number), Namespace: "slipway-org-acme", UID: uid(i),
			ResourceVersion: fmt.Sprint(100_000 + i), Generation: 1, CreationTimestamp: metav1.NewTime(at),
			Labels: map[string]string{"slipway.dev/organization": "acme", "slipway.dev/project": fmt.Sprintf("p%d", s/10), "slipway.dev/stage": "production", "app.kubernetes.io/managed-by": "slipway"},
			OwnerReferences: []metav1.OwnerReference{{APIVersion: "slipway.dev/v1alpha1", Kind: "Stage", Name: stage, UID: uid(1000000 + s), Controller: new(true), BlockOwnerDeletion: new(true)}},
			ManagedFields: []metav1.ManagedFieldsEntry{
				{Manager: "slipway", Operation: "Update", APIVersion: "slipway.dev/v1alpha1", FieldsType: "FieldsV1", Time: new(metav1.NewTime(at)), FieldsV1: metav1.NewFieldsV1(`{"f:metadata":{"f:labels":{".":{},"f:slipway.dev/organization":{},"f:slipway.dev/project":{},"f:slipway.dev/stage":{}},"f:ownerReferences":{".":{}}},"f:spec":{".":{},"f:head":{},"f:project":{},"f:sequence":{},"f:stage":{},"f:trigger":{}}}`)},
			},
		},
		Spec: v1alpha1.ReleaseSpec{
			Project: fmt.Sprintf("p%d", s/10), Stage: stage, Sequence: int64(number), Trigger: v1alpha1.TriggerPush,
			Head: v1alpha1.Head{Commit: hex(40, i), FileCommit: hex(40, i), FileID: hex(40, i%7), Actor: "alice", Delivery: "github-" + hex(36, i), Subject: fmt.Sprintf("checkout: the basket survives a reload of page %d", i)},
		},
		Status: v1alpha1.ReleaseStatus{
			ObservedGeneration: 1, Phase: v1alpha1.PhaseSucceeded, Message: "live: 0 created, 2 changed, 14 unchanged, 0 removed; 2 built, 3 reused",
			Built: 2, Reused: 3, Bundle: stage + "-" + hex(16, i), BundleDigest: "sha256:" + hex(64, i),
			Changes: v1alpha1.Changes{Changed: 2, Unchanged: 14}, URL: fmt.Sprintf("https://web-s%d-shop.apps.example.com/", s), Reported: v1alpha1.PhaseSucceeded,
		},
	}
	for n, name := range []string{"web", "api", "worker", "search", "mailer"} {
		r.Status.Services = append(r.Status.Services, v1alpha1.ReleaseService{Name: name, InputHash: hex(64, i+n), Image: "registry.example.com/acme/shop@sha256:" + hex(64, i+n), Reused: n > 1, URL: "https://" + name + "-production-shop.apps.example.com/",
			Why: "reused: nothing it is built from changed since release 41", Job: "build-" + hex(16, i+n), Inputs: map[string]string{"builder": "kaniko@sha256:" + hex(64, 1), "context " + name: hex(40, i+n), "Dockerfile": hex(40, n)}})
	}
	for n, phase := range []v1alpha1.Phase{v1alpha1.PhasePending, v1alpha1.PhaseBuilding, v1alpha1.PhaseRendering, v1alpha1.PhaseApplying, v1alpha1.PhaseVerifying, v1alpha1.PhaseSucceeded} {
		r.Status.Timings = append(r.Status.Timings, v1alpha1.PhaseTime{Phase: phase, At: metav1.NewMicroTime(at.Add(time.Duration(n) * time.Second))})
	}
	return r
}

func stage(s int) *v1alpha1.Stage {
	r := release(s*10 + 9)
	return &v1alpha1.Stage{
		TypeMeta: metav1.TypeMeta{APIVersion: "slipway.dev/v1alpha1", Kind: "Stage"},
		ObjectMeta: metav1.ObjectMeta{Name: r.Spec.Stage, Namespace: r.Namespace, UID: uid(1000000 + s), ResourceVersion: fmt.Sprint(50000 + s), Generation: 10, CreationTimestamp: metav1.Now(), Labels: r.Labels, Finalizers: []string{"slipway.dev/stage"}},
		Spec:       v1alpha1.StageSpec{Project: r.Spec.Project, Name: fmt.Sprintf("s%d", s%10), Rule: "production", Ref: "refs/heads/main", Namespace: "sw-acme-" + r.Spec.Stage, Wanted: r.Spec.Head},
		Status: v1alpha1.StageStatus{ObservedGeneration: 10, Commit: r.Spec.Head.Commit, Release: r.Name, Good: r.Name, Attempted: r.Spec.Head.Commit, Sequence: 10, Phase: "Succeeded", URL: r.Status.URL,
			Conditions: []metav1.Condition{{Type: "Ready", Status: "True", ObservedGeneration: 10, LastTransitionTime: metav1.Now(), Reason: "Succeeded", Message: r.Status.Message}}},
	}
}

func serve(n int) {
	send := func(w http.ResponseWriter, t string, o any) {
		b, _ := json.Marshal(map[string]any{"type": t, "object": o})
		w.Write(b)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch r.URL.Path {
		case "/api":
			w.Write([]byte(`{"kind":"APIVersions","versions":["v1"]}`))
		case "/api/v1":
			w.Write([]byte(`{"kind":"APIResourceList","groupVersion":"v1","resources":[]}`))
		case "/apis":
			w.Write([]byte(`{"kind":"APIGroupList","apiVersion":"v1","groups":[{"name":"slipway.dev","versions":[{"groupVersion":"slipway.dev/v1alpha1","version":"v1alpha1"}],"preferredVersion":{"groupVersion":"slipway.dev/v1alpha1","version":"v1alpha1"}}]}`))
		case "/apis/slipway.dev/v1alpha1":
			w.Write([]byte(`{"kind":"APIResourceList","groupVersion":"slipway.dev/v1alpha1","resources":[{"name":"releases","kind":"Release","namespaced":true,"verbs":["list","watch","get"]},{"name":"stages","kind":"Stage","namespaced":true,"verbs":["list","watch","get"]},{"name":"deliveries","kind":"Delivery","namespaced":true,"verbs":["list","watch","get"]}]}`))
		case "/apis/slipway.dev/v1alpha1/releases", "/apis/slipway.dev/v1alpha1/stages", "/apis/slipway.dev/v1alpha1/deliveries":
			if r.URL.Query().Get("watch") == "" {
				limit, _ := strconv.Atoi(r.URL.Query().Get("limit"))
				from, _ := strconv.Atoi(r.URL.Query().Get("continue"))
				to, next := min(from+limit, n), ""
				if to < n {
					next = strconv.Itoa(to)
				}
				fmt.Fprintf(w, `{"kind":"ReleaseList","apiVersion":"slipway.dev/v1alpha1","metadata":{"resourceVersion":"900000","continue":%q},"items":[`, next)
				for i := from; i < to; i++ {
					if i > from {
						w.Write([]byte(","))
					}
					b, _ := json.Marshal(release(i))
					w.Write(b)
				}
				w.Write([]byte("]}"))
				return
			}
			if r.URL.Query().Get("resourceVersion") == "900000" {
				w.(http.Flusher).Flush()
				<-r.Context().Done()
				return
			}
			kind := map[byte]string{'r': "Release", 's': "Stage", 'd': "Delivery"}[r.URL.Path[len("/apis/slipway.dev/v1alpha1/")]]
			switch kind {
			case "Release":
				for i := range n {
					send(w, "ADDED", release(i))
				}
			case "Stage":
				for i := range n / 10 {
					send(w, "ADDED", stage(i))
				}
			}
			send(w, "BOOKMARK", map[string]any{"kind": kind, "apiVersion": "slipway.dev/v1alpha1", "metadata": map[string]any{"resourceVersion": "900000", "annotations": map[string]string{"k8s.io/initial-events-end": "true"}}})
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		default:
			log.Print(r.URL)
			http.NotFound(w, r)
		}
	})
	log.Fatal(http.ListenAndServe("127.0.0.1:18181", mux))
}

func rss() string {
	b, _ := os.ReadFile("/proc/self/status")
	for _, k := range []string{"VmHWM:", "VmRSS:"} {
		i := 0
		for ; string(b[i:i+6]) != k; i++ {
		}
		fmt.Print(string(b[i:i+22]), " ")
	}
	return ""
}

func main() {
	n, _ := strconv.Atoi(os.Args[2])
	if os.Args[1] == "serve" {
		serve(n)
	}
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt)
	defer cancel()
	options := controller.CacheOptions()
	options.Scheme = kruntime.NewScheme()
	v1alpha1.AddToScheme(options.Scheme)
	if len(os.Args) > 4 {
		f, _ := os.Create(os.Args[4])
		pprof.StartCPUProfile(f)
		defer pprof.StopCPUProfile()
	}
	began := time.Now()
	c, err := cache.New(&rest.Config{Host: "http://127.0.0.1:18181", QPS: -1}, options)
	if err != nil {
		log.Fatal(err)
	}
	if err := kube.IndexFields(ctx, c); err != nil {
		log.Fatal(err)
	}
	go c.Start(ctx)
	c.WaitForCacheSync(ctx)
	took := time.Since(began)
	var l v1alpha1.ReleaseList
	c.List(ctx, &l, client.UnsafeDisableDeepCopy)
	fmt.Println(len(l.Items), took)
	l.Items = nil
	var m runtime.MemStats
	runtime.GC(); runtime.GC()
	runtime.ReadMemStats(&m)
	rss()
	fmt.Println("heap", m.HeapAlloc>>20, "objects", m.HeapObjects, "inuse", m.HeapInuse>>20, "idle", m.HeapIdle>>20, "released", m.HeapReleased>>20, "gcsys", m.GCSys>>20, "sys", m.Sys>>20, "numgc", m.NumGC)
	debug.FreeOSMemory()
	rss()
	runtime.ReadMemStats(&m)
	fmt.Println("inuse", m.HeapInuse>>20, "idle", m.HeapIdle>>20, "released", m.HeapReleased>>20)
	b, _ := os.ReadFile("/proc/self/smaps_rollup")
	fmt.Println(string(b))
	var u syscall.Rusage
	syscall.Getrusage(0, &u)
	fmt.Println("cpu", time.Duration(u.Utime.Nano()+u.Stime.Nano()))
	f, _ := os.Create(os.Args[3])
	pprof.WriteHeapProfile(f)
	f.Close()
}
