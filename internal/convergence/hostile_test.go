//go:build integration

package convergence

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/controller/servertest"
	"github.com/slipway-dev/slipway/internal/naming"
)

// What a push and the server are held to beside hostile servers when -load is given.
const (
	wantBesideHostile = 1.2              // times as long as without them
	wantSaid          = 30 * time.Second // until a condition says what is wrong
	wantHostileMemory = 200 << 20        // bytes above those without them
)

// hostileInterval is how often each hostile server is asked again, however often it
// failed; hostileLead is how long that lasted before a push is measured.
const (
	hostileInterval = 10 * time.Second
	hostileLead     = 5 * time.Second
)

// hostile is a kind of server that takes what it can get.
type hostile struct {
	count int // of such servers
	speak http.HandlerFunc
	// place makes a project depend on such a server.
	place func(hostileAt, *v1alpha1.Project)
	// image is of a service of the project.
	image bool
}

// hostileAt is where a hostile server and its cluster are.
type hostileAt struct{ address, cluster string }

func (a hostileAt) asGit(p *v1alpha1.Project) {
	p.Spec.Repositories[0].URL = "http://" + a.address + "/acme/shop.git"
}
func (a hostileAt) asForge(p *v1alpha1.Project)    { p.Spec.Repositories[0].API = "http://" + a.address }
func (a hostileAt) asRegistry(p *v1alpha1.Project) { p.Spec.Cluster = a.cluster }

// theHostile are twenty servers.
func theHostile() map[string]hostile {
	return map[string]hostile{
		"git-endless-list":   {4, listing(-1), hostileAt.asGit, false},
		"git-million-refs":   {3, listing(1_000_000), hostileAt.asGit, false},
		"git-slow":           {3, slowly, hostileAt.asGit, false},
		"git-silent":         {3, silent, hostileAt.asGit, false},
		"git-redirects":      {2, redirecting, hostileAt.asGit, false},
		"forge-gigabyte":     {3, gigabyte, hostileAt.asForge, false},
		"registry-unending":  {1, unending, hostileAt.asRegistry, true},
		"registry-redirects": {1, redirecting, hostileAt.asRegistry, true},
	}
}

// listing answers with so many refs, without end when there are fewer than none. What
// is read of it was made before, so that it costs the machine little.
func listing(refs int) http.HandlerFunc {
	const made = 60_000
	packet := func(text string) string { return fmt.Sprintf("%04x%s", len(text)+4, text) }
	id := strings.Repeat("1", 40)
	ref := func(n int) string { return packet(fmt.Sprintf("%s refs/heads/b%07d\n", id, n)) }
	var list bytes.Buffer
	list.WriteString(packet("# service=git-upload-pack\n") + "0000" + packet(id+" refs/heads/main\x00ofs-delta shallow side-band-64k\n"))
	for n := range made {
		list.WriteString(ref(n))
	}
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/x-git-upload-pack-advertisement")
		_, err := w.Write(list.Bytes())
		for n := made; err == nil && n != refs; n++ {
			_, err = io.WriteString(w, ref(n))
		}
		_, _ = io.WriteString(w, "0000")
	}
}

// slowly sends a byte of a list of refs now and then.
func slowly(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/x-git-upload-pack-advertisement")
	_, _ = io.WriteString(w, "fff0"+strings.Repeat("1", 40)+" ")
	for r.Context().Err() == nil {
		_, _ = io.WriteString(w, "x")
		_ = http.NewResponseController(w).Flush()
		time.Sleep(time.Second)
	}
}

// silent never answers.
func silent(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

// redirecting sends to another path, again and again.
func redirecting(w http.ResponseWriter, r *http.Request) {
	http.Redirect(w, r, r.URL.Path+"/more", http.StatusTemporaryRedirect)
}

// gigabyte answers whatever is asked with a gigabyte.
func gigabyte(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, "[")
	for block := strings.Repeat(`{"a":[]},`, 4<<10); ; {
		if _, err := io.WriteString(w, block); err != nil {
			return
		}
	}
}

// unending is a registry whose manifests never end.
func unending(w http.ResponseWriter, r *http.Request) {
	if strings.HasSuffix(r.URL.Path, "/v2/") {
		return
	}
	w.Header().Set("Content-Type", "application/vnd.oci.image.manifest.v1+json")
	if r.Method == http.MethodHead {
		w.Header().Set("Docker-Content-Digest", "sha256:"+strings.Repeat("1", 64))
		w.Header().Set("Content-Length", "500")
		return
	}
	for block := strings.Repeat(" ", 32<<10); ; {
		if _, err := io.WriteString(w, block); err != nil {
			return
		}
	}
}

// TestHostileServersHoldUpNobodyElse pushes to a project alone and beside twenty
// hostile servers and senders that never send, and wants each of them told on an object.
func TestHostileServersHoldUpNobodyElse(t *testing.T) {
	p := interceptPost()
	defer world.Forge.Intercept(nil)
	process, err := world.Launch(t.Context(), servertest.Launch{Program: program, Log: &output})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(process.Kill)
	if err := world.Organization(t.Context(), "beset"); err != nil {
		t.Fatal(err)
	}
	quiet, err := join(t.Context(), "beset", "quiet", 1, p)
	if err != nil {
		t.Fatal(err)
	}
	if err := quiet.converges(t.Context()); err != nil {
		t.Fatalf("%v\n%s", err, output.about(quiet.Namespace))
	}
	alone, rest := quiet.pushMany(t), peak(t, process)
	crowd := newCrowd(t)
	stopSenders := neverSend(t, strings.TrimPrefix(process.Public, "http://"))
	time.Sleep(hostileLead)
	crowded := quiet.pushMany(t)
	said, most := crowd.awaitSaid(t), peak(t, process)
	stopSenders()
	crowd.suspend(t.Context(), t)
	again := quiet.pushMany(t)
	ratio := 2 * float64(crowded) / float64(alone+again)
	fmt.Printf("\nbench hostile alone_ms %.1f crowded_ms %.1f alone_again_ms %.1f ratio %.2f said_s %.0f memory_mib %d then_mib %d\n",
		ms(alone), ms(crowded), ms(again), ratio, said.Seconds(), rest>>20, most>>20)
	if *full && (ratio > wantBesideHostile || said > wantSaid) {
		t.Errorf("a push took %.2f times as long, want at most %.1f; the last condition came after %s, want at most %s", ratio, wantBesideHostile, said, wantSaid)
	}
	if more := most - rest; more > wantHostileMemory {
		t.Errorf("hostile servers cost %d MiB of memory, want at most %d", more>>20, wantHostileMemory>>20)
	}
}

// peak returns the most bytes that a server and its render workers held since it was
// asked last.
func peak(t *testing.T, process *servertest.Process) int64 {
	t.Helper()
	usage, err := process.Usage()
	if err == nil {
		err = process.ResetPeak()
	}
	if err != nil {
		t.Fatal(err)
	}
	return usage.Peak
}

// crowd are the projects that depend on hostile servers.
type crowd struct {
	began    time.Time
	projects []*servertest.Project
}

// newCrowd makes all hostile servers, and a project for each.
func newCrowd(t *testing.T) *crowd {
	t.Helper()
	c := &crowd{}
	host := 1
	for kind, h := range theHostile() {
		for n := range h.count {
			host++
			at := hostileAt{hostileServer(t, fmt.Sprintf("127.0.2.%d", host), h.speak), fmt.Sprintf("%s-%d", kind, n)}
			c.join(t, at, h)
		}
	}
	c.began = time.Now()
	t.Cleanup(func() { c.suspend(context.WithoutCancel(t.Context()), t) }) // servers of other tests find them, too
	return c
}

// hostileServer returns the address of a server at a host of its own.
func hostileServer(t *testing.T, host string, speak http.HandlerFunc) string {
	t.Helper()
	listener, err := net.Listen("tcp", host+":0")
	if err != nil {
		t.Fatal(err)
	}
	server := &httptest.Server{Listener: listener, Config: &http.Server{Handler: speak, ReadHeaderTimeout: time.Minute}}
	server.Start()
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	return listener.Addr().String()
}

// join makes the project of a hostile server, with a cluster whose registry it is.
func (c *crowd) join(t *testing.T, at hostileAt, h hostile) {
	t.Helper()
	p := &servertest.Project{Organization: "beset", Name: at.cluster, Change: func(made *v1alpha1.Project) {
		made.Spec.SyncInterval = &metav1.Duration{Duration: hostileInterval}
		h.place(at, made)
	}}
	cluster := &v1alpha1.Cluster{
		ObjectMeta: metav1.ObjectMeta{Name: at.cluster, Namespace: naming.OrganizationNamespace(p.Organization)},
		Spec:       v1alpha1.ClusterSpec{Registry: v1alpha1.Registry{Host: at.address, Insecure: true, Shared: []string{"library"}}},
	}
	if err := world.Client.Create(t.Context(), cluster); err != nil {
		t.Fatal(err)
	}
	files := site(p.Name, "first")
	files["slipway.yaml"] += "previews: {from: main}\n"
	if h.image {
		files["slipway.yaml"] += "  taken: {image: \"" + at.address + "/library/taken:1\"}\n"
		files["slipway.yaml"] = strings.Replace(files["slipway.yaml"], "previews: {from: main}\n", "", 1)
	}
	if err := world.Register(t.Context(), p, files); err != nil {
		t.Fatal(err)
	}
	c.projects = append(c.projects, p)
}

// suspend ends the automatic work of all projects.
func (c *crowd) suspend(ctx context.Context, t *testing.T) {
	t.Helper()
	for _, p := range c.projects {
		if err := suspend(ctx, p); err != nil {
			t.Error(err)
		}
	}
}

// awaitSaid waits until every project has an object that says what is wrong, and returns
// how long that took since the hostile servers came up.
func (c *crowd) awaitSaid(t *testing.T) time.Duration {
	t.Helper()
	for _, p := range c.projects {
		sentence := ""
		for deadline := time.Now().Add(patience); sentence == ""; time.Sleep(100 * time.Millisecond) {
			if sentence = says(t, p); sentence == "" && time.Now().After(deadline) {
				t.Fatalf("no object of project %s says what is wrong\n%s", p.Name, output.about(`"`+p.Name+`"`))
			}
		}
		t.Logf("%s: %s", p.Name, sentence)
	}
	return time.Since(c.began)
}

// says returns what the objects of a project say is wrong, empty for nothing.
func says(t *testing.T, p *servertest.Project) string {
	t.Helper()
	var project v1alpha1.Project
	if err := world.Client.Get(t.Context(), client.ObjectKey{Namespace: p.Namespace, Name: p.Name}, &project); err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{v1alpha1.ConditionSynced, v1alpha1.ConditionPreviews} {
		if c := meta.FindStatusCondition(project.Status.Conditions, kind); c != nil && c.Status != metav1.ConditionTrue {
			return c.Type + " " + c.Reason + ": " + c.Message
		}
	}
	var releases v1alpha1.ReleaseList
	if err := world.Client.List(t.Context(), &releases, client.InNamespace(p.Namespace), client.MatchingLabels{naming.LabelProject: naming.LabelValue(p.Name)}); err != nil {
		t.Fatal(err)
	}
	for _, release := range releases.Items {
		if c := meta.FindStatusCondition(release.Status.Conditions, v1alpha1.ConditionWaiting); c != nil && c.Status == metav1.ConditionTrue {
			return "release: " + c.Message
		}
		if release.Status.Phase == v1alpha1.PhaseFailed {
			return "release: " + release.Status.Message
		}
	}
	return ""
}

// neverSend opens connections to the receiver that never send a request, until it is
// stopped.
func neverSend(t *testing.T, address string) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var group sync.WaitGroup
	for range 200 {
		group.Go(func() {
			for ctx.Err() == nil {
				conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
				if err != nil {
					return
				}
				_, _ = io.WriteString(conn, "POST /hooks/beset/quiet HTTP/1.1\r\nHost: slipway\r\n")
				closed := make(chan struct{})
				go func() {
					defer close(closed)
					_, _ = io.Copy(io.Discard, conn)
				}()
				select {
				case <-closed:
				case <-ctx.Done():
				}
				_ = conn.Close()
				<-closed
			}
		})
	}
	return func() {
		cancel()
		group.Wait()
	}
}
