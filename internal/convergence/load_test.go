//go:build integration

package convergence

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/controller/servertest"
	"github.com/slipway-dev/slipway/internal/naming"
	"github.com/slipway-dev/slipway/internal/scm/forgetest"
)

var full = flag.Bool("load", false, "measure the door at full length, and hold it to its figures")

// nobody is whose deliveries measure the API server alone.
const nobody = "nobody"

// senders is how many connections a burst comes from.
const senders = 16

// What the door is held to when -load is given.
const (
	wantShare = 0.6                   // of the API server's own rate of creates
	wantP99   = 25 * time.Millisecond // at steadyRate
	wantMore  = 1.25                  // memory at the end of the steady load, by that after its first third
)

// load is how much is sent.
type load struct {
	burst, steadyRate int
	steady            time.Duration
	creates           int // of the API server, each time its rate is measured
}

func theLoad() load {
	if *full {
		return load{burst: 5000, steadyRate: 200, steady: time.Minute, creates: 2000}
	}
	return load{burst: 600, steadyRate: 100, steady: 3 * time.Second, creates: 200}
}

// TestLoad sends many signed deliveries, at a steady rate and as a burst, with
// git and the forge there and away, and wants every acknowledged one kept.
func TestLoad(t *testing.T) {
	forge, err := servertest.NewLink(strings.TrimPrefix(world.Forge.URL(), "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(forge.Close)
	before := world.Forge.URL()
	world.Forge.SetURL("http://" + forge.Address)
	t.Cleanup(func() { world.Forge.SetURL(before) })
	process, err := world.Launch(t.Context(), servertest.Launch{Program: program, Log: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(process.Kill)
	if err := world.Organization(t.Context(), "load"); err != nil {
		t.Fatal(err)
	}
	d := &sender{t: t, process: process, organization: "load", transport: &http.Transport{MaxIdleConnsPerHost: 4 * senders}}
	t.Cleanup(d.transport.CloseIdleConnections)
	for i := range 4 {
		d.join(fmt.Sprintf("shop-%d", i))
	}
	away := func(is bool) {
		if err := forge.Set(servertest.Mood{Refuse: is}); err != nil {
			t.Fatal(err)
		}
	}
	d.rest()
	d.steady("door-steady")
	d.rest()
	away(true)
	d.steady("door-steady-forge-away")
	away(false)
	d.rest()
	d.burst("door-burst")
	d.rest()
	away(true)
	d.burst("door-burst-forge-away")
}

// sender sends deliveries to the projects of an organization.
type sender struct {
	t            *testing.T
	process      *servertest.Process
	organization string
	transport    *http.Transport
	projects     []*servertest.Project
	bodies       [][]byte
	next         atomic.Int64
}

// join makes a project, and the body of a push to it.
func (s *sender) join(name string) {
	s.t.Helper()
	p := &servertest.Project{Organization: s.organization, Name: name}
	if err := world.Register(s.t.Context(), p, site(name, "first")); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { // servers of other tests find it, too
		if err := suspend(context.WithoutCancel(s.t.Context()), p); err != nil {
			s.t.Error(err)
		}
	})
	head, err := world.Forge.Head(p.Path, "refs/heads/main")
	if err != nil {
		s.t.Fatal(err)
	}
	body := fmt.Sprintf(`{"ref":"refs/heads/main","before":"%s","after":"%s","forced":false,"repository":{"full_name":"%s"},"pusher":{"name":"dev"},"sender":{"login":"dev"},"commits":[],"padding":"%s"}`,
		strings.Repeat("1", 40), head, p.Path, strings.Repeat("x", 8<<10))
	s.projects, s.bodies = append(s.projects, p), append(s.bodies, []byte(body))
}

// rest waits until everything is live and every delivery dealt with, so that
// what is measured next doesn't measure what was before.
func (s *sender) rest() {
	s.t.Helper()
	of := client.InNamespace(naming.OrganizationNamespace(s.organization))
	var open []string
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(500 * time.Millisecond) {
		var stages v1alpha1.StageList
		var deliveries v1alpha1.DeliveryList
		if err := errors.Join(world.Client.List(s.t.Context(), &stages, of), world.Client.List(s.t.Context(), &deliveries, of)); err != nil {
			s.t.Fatal(err)
		}
		open = nil
		for _, stage := range stages.Items {
			if stage.Status.Phase != v1alpha1.PhaseSucceeded {
				open = append(open, stage.Name)
			}
		}
		for _, d := range deliveries.Items {
			if d.Spec.Project != nobody && d.Waits() {
				open = append(open, d.Name)
			}
		}
		if len(stages.Items) >= len(s.projects) && len(open) == 0 {
			return
		}
	}
	s.t.Fatalf("%d stages or deliveries never come to rest: %v", len(open), open[:min(len(open), 3)])
}

// send sends one delivery and returns what it is called in the cluster, and how
// long the answer took.
func (s *sender) send(ctx context.Context) (string, time.Duration, error) {
	n := s.next.Add(1)
	which := int(n) % len(s.projects)
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.process.Public+"/hooks/"+s.organization+"/"+s.projects[which].Name, bytes.NewReader(s.bodies[which]))
	if err != nil {
		return "", 0, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("X-GitHub-Event", "push")
	request.Header.Set("X-GitHub-Delivery", fmt.Sprintf("load-%08d", n))
	request.Header.Set("X-Hub-Signature-256", forgetest.Sign(s.bodies[which], []byte(servertest.WebhookSecret)))
	began := time.Now()
	response, err := s.transport.RoundTrip(request)
	if err != nil {
		return "", 0, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	took := time.Since(began)
	var answer struct{ Delivery string }
	if err == nil && (response.StatusCode != http.StatusAccepted || json.Unmarshal(text, &answer) != nil || answer.Delivery == "") {
		err = fmt.Errorf("answered %d %s", response.StatusCode, text)
	}
	return answer.Delivery, took, err
}

// sent is what became of some deliveries.
type sent struct {
	mu       sync.Mutex
	accepted map[string]bool // by name
	took     []time.Duration
	errors   []error
}

func (s *sent) note(name string, took time.Duration, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.errors = append(s.errors, err)
		return
	}
	s.accepted[name] = true
	s.took = append(s.took, took)
}

// percentile returns how long the given share of the answers took at most.
func (s *sent) percentile(share float64) time.Duration {
	slices.Sort(s.took)
	return s.took[min(int(share*float64(len(s.took))), len(s.took)-1)]
}

// steady sends at a steady rate.
func (s *sender) steady(name string) {
	s.t.Helper()
	l := theLoad()
	kept := s.keep()
	all := &sent{accepted: map[string]bool{}}
	var group sync.WaitGroup
	ticks := time.NewTicker(time.Second / time.Duration(l.steadyRate))
	defer ticks.Stop()
	began, count := time.Now(), int(l.steady.Seconds())*l.steadyRate
	early := 0
	for i := range count {
		<-ticks.C
		group.Go(func() { all.note(s.send(context.WithoutCancel(s.t.Context()))) })
		if i == count/3 {
			early = memory(s.t, s.process.Pid())
		}
	}
	group.Wait()
	took, late := time.Since(began), memory(s.t, s.process.Pid())
	lost := kept.missing(all)
	p99 := all.percentile(0.99)
	fmt.Printf("\nbench %s deliveries %d rate %.0f p50_ms %.1f p99_ms %.1f errors %d lost %d memory_mib %d then_mib %d\n", name, count,
		float64(count)/took.Seconds(), ms(all.percentile(0.5)), ms(p99), len(all.errors), lost, early>>20, late>>20)
	if lost > 0 || len(all.errors) > 0 {
		s.t.Errorf("%s: %d acknowledged deliveries lost, %d not taken: %v", name, lost, len(all.errors), first3(all.errors))
	}
	if *full && (p99 > wantP99 || float64(late) > wantMore*float64(early)) {
		s.t.Errorf("%s: p99 %s, want at most %s; memory %d MiB at first, then %d", name, p99, wantP99, early>>20, late>>20)
	}
}

// burst sends as fast as it can, between two measurements of how fast the API
// server makes the same objects.
func (s *sender) burst(name string) {
	s.t.Helper()
	l := theLoad()
	own := s.creates(name+"-a", l.creates)
	kept := s.keep()
	all := &sent{accepted: map[string]bool{}}
	began := time.Now()
	together16(l.burst, func(int) { all.note(s.send(s.t.Context())) })
	rate := float64(l.burst) / time.Since(began).Seconds()
	own = (own + s.creates(name+"-b", l.creates)) / 2
	lost := kept.missing(all)
	fmt.Printf("\nbench %s deliveries %d senders %d rate %.0f own_rate %.0f share %.2f p99_ms %.1f errors %d lost %d\n", name, l.burst, senders,
		rate, own, rate/own, ms(all.percentile(0.99)), len(all.errors), lost)
	if lost > 0 || len(all.errors) > 0 {
		s.t.Errorf("%s: %d acknowledged deliveries lost, %d not taken: %v", name, lost, len(all.errors), first3(all.errors))
	}
	if *full && rate < wantShare*own {
		s.t.Errorf("%s: %.0f deliveries/s, want at least %.1f of the API server's own %.0f", name, rate, wantShare, own)
	}
}

// creates returns how many Deliveries a second the API server makes for as
// many clients as there are senders. They are of no project, and don't stay.
func (s *sender) creates(name string, count int) float64 {
	s.t.Helper()
	namespace := naming.OrganizationNamespace(s.organization)
	slipway, err := world.Slipway() // nobody else may make deliveries
	if err != nil {
		s.t.Fatal(err)
	}
	began := time.Now()
	var failed atomic.Pointer[error]
	together16(count, func(i int) {
		err := slipway.Create(s.t.Context(), &v1alpha1.Delivery{
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: fmt.Sprintf("%s-%d", name, i), Labels: map[string]string{naming.LabelProject: nobody}},
			Spec: v1alpha1.DeliverySpec{
				Project: nobody, Repository: "main", Forge: "github", ID: fmt.Sprint(i), Event: "push", Ref: "refs/heads/main",
				Before: strings.Repeat("1", 40), After: strings.Repeat("2", 40), Actor: "dev", Received: metav1.NowMicro(),
			},
		})
		if err != nil {
			failed.Store(&err)
		}
	})
	took := time.Since(began)
	if err := failed.Load(); err != nil {
		s.t.Fatal(*err)
	}
	theirs := client.MatchingLabels{naming.LabelProject: nobody}
	if err := world.Client.DeleteAllOf(s.t.Context(), &v1alpha1.Delivery{}, client.InNamespace(namespace), theirs); err != nil {
		s.t.Fatal(err)
	}
	return float64(count) / took.Seconds()
}

// together16 calls a function count times, from as many goroutines as there
// are senders.
func together16(count int, do func(i int)) {
	var next atomic.Int64
	var group sync.WaitGroup
	for range senders {
		group.Go(func() {
			for i := next.Add(1); i <= int64(count); i = next.Add(1) {
				do(int(i))
			}
		})
	}
	group.Wait()
}

// memory returns the resident bytes of a process.
func memory(t *testing.T, pid int) int {
	t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	var kilobytes int
	_, rest, found := strings.Cut(string(data), "VmRSS:")
	if _, err := fmt.Sscan(rest, &kilobytes); err != nil || !found {
		t.Fatalf("read the memory of process %d: %v", pid, err)
	}
	return kilobytes << 10
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func first3(errs []error) []error { return errs[:min(len(errs), 3)] }
