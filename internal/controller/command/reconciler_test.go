package command

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/kube/kubefake"
	"github.com/slipway-dev/slipway/internal/projectfile"
	"github.com/slipway-dev/slipway/internal/release/releasetest"
)

const (
	namespace = "slipway-org-acme"
	file      = "version: 1\nproject: shop\nmembers: [{user: Olga, role: owner}, {user: dev, role: developer}, {user: vera, role: viewer}, {group: acme/web, role: owner}]\n" +
		"stages: [{name: dev, branch: main}]\nservices: {web: {image: \"web:1\"}}\n"
)

func start() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }

// sources have one project file, unless it can't be read.
type sources struct{ err error }

func (s *sources) File(context.Context, *v1alpha1.Project, v1alpha1.Head) (*projectfile.Document, string, error) {
	if s.err != nil {
		return nil, "", s.err
	}
	document, err := projectfile.Parse("slipway.yaml", []byte(file))
	return document, "1", err
}

func shop(change func(*v1alpha1.Project)) *v1alpha1.Project {
	p := &v1alpha1.Project{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "shop"},
		Spec:       v1alpha1.ProjectSpec{Repositories: []v1alpha1.Repository{{Name: "main", Path: "acme/shop", URL: "https://git.example/acme/shop.git"}, {Name: "api", URL: "https://git.example/acme/api.git"}}},
		Status: v1alpha1.ProjectStatus{
			File: &v1alpha1.FileInForce{Commit: releasetest.Commit("a"), ID: "1"},
			Identities: []v1alpha1.Identity{
				{Login: "olga", Forge: "git.example", ID: "1"}, {Login: "dev", Forge: "git.example", ID: "2"}, {Login: "vera", Forge: "git.example", ID: "3", Claimed: ""},
				{Login: "elsewhere", Forge: "other.example", ID: "4"}, {Login: "eve", Forge: "git.example", ID: "5"},
			},
		},
	}
	if change != nil {
		change(p)
	}
	return p
}

// comment is one under pull request 7 that the sync has seen.
func comment(by, text string, change func(*v1alpha1.Delivery)) *v1alpha1.Delivery {
	login, id, _ := strings.Cut(by, "#")
	d := &v1alpha1.Delivery{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "one"},
		Spec: v1alpha1.DeliverySpec{
			Project: "shop", Repository: "main", Event: "comment", PullRequest: 7, Comment: "42", Command: text, Actor: login, ActorID: id,
			Received: metav1.NewMicroTime(start()), Written: &metav1.Time{Time: start().Add(-time.Second)},
		},
		Status: v1alpha1.DeliveryStatus{Phase: v1alpha1.DeliveryDone, Attempts: 1, Message: "synced"},
	}
	if change != nil {
		change(d)
	}
	return d
}

// preview is that of pull request 7, with one good release.
func preview(past ...string) []client.Object {
	stage := &v1alpha1.Stage{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "shop-pr-7", UID: "7"},
		Spec:       v1alpha1.StageSpec{Project: "shop", Name: "pr-7", PullRequest: 7, Wanted: v1alpha1.Head{Commit: releasetest.Commit("b")}},
		Status: v1alpha1.StageStatus{
			Services:   []v1alpha1.ServiceStatus{{Name: "web"}},
			Conditions: []metav1.Condition{{Type: v1alpha1.ConditionReady, Status: metav1.ConditionFalse, Message: "web: exit code 1\npanic: no database"}},
		},
	}
	objects := []client.Object{stage}
	for _, r := range releasetest.Past(past...) {
		r.Namespace, r.Spec.Stage, r.Spec.Project, r.Name = namespace, stage.Name, "shop", fmt.Sprintf("shop-pr-7-%d", r.Spec.Sequence)
		objects = append(objects, &r)
	}
	return objects
}

type fixture struct {
	*Reconciler
	sources *sources
	client  client.WithWatch
}

func newFixture(t *testing.T, calls interceptor.Funcs, objects ...client.Object) *fixture {
	t.Helper()
	c := kubefake.Intercepted(t, calls, objects...)
	f := &fixture{sources: &sources{}, client: c}
	f.Reconciler = &Reconciler{Client: c, Live: c, Sources: f.sources, Now: start, Log: slog.New(slog.DiscardHandler)}
	return f
}

// look reconciles the comment, and returns its answer; nil when there is none.
func (f *fixture) look(t *testing.T) (*v1alpha1.CommandAnswer, error) {
	t.Helper()
	name := types.NamespacedName{Namespace: namespace, Name: "one"}
	if _, err := f.Reconcile(t.Context(), ctrl.Request{NamespacedName: name}); err != nil {
		return nil, err
	}
	var d v1alpha1.Delivery
	if err := f.client.Get(t.Context(), name, &d); err != nil {
		t.Fatal(err)
	}
	return d.Status.Answer, nil
}

// releases returns what was asked for: "restart by dev of web".
func (f *fixture) releases(t *testing.T) []string {
	t.Helper()
	var all v1alpha1.ReleaseList
	if err := f.client.List(t.Context(), &all, client.InNamespace(namespace)); err != nil {
		t.Fatal(err)
	}
	var asked []string
	for _, r := range all.Items {
		if r.Spec.Trigger.Asked() {
			asked = append(asked, fmt.Sprintf("%s of %s by %s: %s", r.Spec.Trigger, strings.Join(r.Spec.Services, " "), r.Spec.By, r.Spec.Reason))
		}
	}
	return asked
}

func TestCommands(t *testing.T) {
	change := func(change func(*v1alpha1.Delivery)) func(*v1alpha1.Delivery) { return change }
	tests := map[string]struct {
		by, text string
		change   func(*v1alpha1.Delivery)
		project  func(*v1alpha1.Project)
		past     string
		want     string // "done: …", "not done: …", "silent: …", or empty for no answer
		asked    string // part of the only release
	}{
		"help":                               {by: "eve#9", text: "help", want: "done: the commands are listed below"},
		"nothing":                            {by: "eve#9", want: "done: the commands"},
		"unknown":                            {by: "olga#1", text: "destroy", want: `not done: there is no command "destroy"`},
		"restart":                            {by: "dev#2", text: "restart", past: "push b good", want: "done: release 2: restart", asked: "restart of  by dev: comment 42 under pull request 7"},
		"restart a service":                  {by: "dev#2", text: "restart web", past: "push b good", want: "done: release 2: restart of web", asked: "restart of web by dev"},
		"restart by a login in other cases":  {by: "OLGA#1", text: "restart", past: "push b good", want: "done: release 2", asked: "by Olga"},
		"restart what is not there":          {by: "dev#2", text: "restart api", past: "push b good", want: `not done: shop/pr-7 has no service "api"`},
		"restart what never ran":             {by: "dev#2", text: "restart", past: "push b failed", want: "not done: nothing has gone live in shop/pr-7 yet"},
		"restart by a viewer":                {by: "vera#3", text: "restart", past: "push b good", want: "not done: that takes the role developer, and vera is viewer"},
		"restart by a stranger":              {by: "mallory#8", text: "restart", past: "push b good", want: "not done: mallory is no member"},
		"restart by an account with a login": {by: "dev#9", text: "restart", past: "push b good", want: "not done: dev is no member of the project by an account that is known"},
		"restart without an account":         {by: "dev", text: "restart", past: "push b good", want: "not done: dev is no member"},
		"restart by an account of elsewhere": {by: "elsewhere#4", text: "restart", past: "push b good", want: "not done: elsewhere is no member"},
		"restart by who is no member now":    {by: "eve#5", text: "restart", past: "push b good", want: "not done: eve is no member"},
		"restart while the login is claimed": {by: "dev#2", text: "restart", past: "push b good", project: func(p *v1alpha1.Project) { p.Status.Identities[1].Claimed = "9" }, want: "not done: dev is no member"},
		"sleep":                              {by: "dev#2", text: "sleep", past: "push b good", want: "done: release 2: sleep", asked: "sleep of  by dev: comment 42"},
		"wake what is awake":                 {by: "dev#2", text: "wake", past: "push b good", want: "done: it is so already"},
		"sleep by a viewer":                  {by: "vera#3", text: "sleep", past: "push b good", want: "not done: that takes the role developer"},
		"sleep what never ran":               {by: "dev#2", text: "sleep", past: "push b failed", want: "not done: nothing"},
		"extend":                             {by: "dev#2", text: "extend 3d", past: "push b good", want: "done: the preview does not end before 2026-01-05 03:04 UTC"},
		"extend by a viewer":                 {by: "vera#3", text: "extend 3d", past: "push b good", want: "not done: that takes the role developer"},
		"extend for ever":                    {by: "olga#1", text: "extend 9999d", past: "push b good", want: "not done: \"9999d\" is not between"},
		"logs":                               {by: "dev#2", text: "logs", past: "push b failed", want: "done: release 1 of commit bbbbbbbb is Failed; `slipway releases logs shop pr-7 1` shows what its builds printed\n\nweb: exit code 1\npanic: no database"},
		"logs of a stranger":                 {by: "mallory#8", text: "logs", past: "push b failed", want: "not done: mallory is no member"},
		"an approval, and no sync": {by: "olga#1", text: "approve", change: change(func(d *v1alpha1.Delivery) {
			d.Status.Phase, d.Status.Message = v1alpha1.DeliveryFailed, "slipway.yaml:1:1: wrong"
		}), want: "not done: project shop can't be synced: slipway.yaml:1:1: wrong"},
		"before the sync":             {by: "dev#2", text: "restart", past: "push b good", change: change(func(d *v1alpha1.Delivery) { d.Status.Phase = v1alpha1.DeliveryPending })},
		"to be replayed":              {by: "dev#2", text: "restart", past: "push b good", change: change(func(d *v1alpha1.Delivery) { d.Annotations = map[string]string{v1alpha1.AnnotationReplay: "now"} })},
		"replayed":                    {by: "dev#2", text: "restart", past: "push b good", change: change(func(d *v1alpha1.Delivery) { d.Status.Attempts = 2 }), want: "silent: it was delivered again, and counts once"},
		"written long ago":            {by: "dev#2", text: "restart", past: "push b good", change: change(func(d *v1alpha1.Delivery) { d.Spec.Written.Time = start().Add(-61 * time.Minute) }), want: "silent: it was written more than 1h0m0s before it came"},
		"of an unknown time":          {by: "dev#2", text: "restart", past: "push b good", change: change(func(d *v1alpha1.Delivery) { d.Spec.Written = nil }), want: "done: release 2", asked: "restart"},
		"under another repository":    {by: "dev#2", text: "restart", past: "push b good", change: change(func(d *v1alpha1.Delivery) { d.Spec.Repository = "api" }), want: "silent: commands are read under pull requests of the primary repository only"},
		"of another pull request":     {by: "dev#2", text: "restart", past: "push b good", change: change(func(d *v1alpha1.Delivery) { d.Spec.PullRequest = 8 }), want: "not done: the pull request has no preview"},
		"a push":                      {by: "dev#2", text: "restart", past: "push b good", change: change(func(d *v1alpha1.Delivery) { d.Spec.Event = "push" })},
		"answered":                    {by: "dev#2", text: "restart", past: "push b good", change: change(func(d *v1alpha1.Delivery) { d.Status.Answer = &v1alpha1.CommandAnswer{Message: "before"} }), want: "done: before"},
		"no file in force":            {by: "dev#2", text: "restart", project: func(p *v1alpha1.Project) { p.Status.File = nil }, want: "not done: project shop has no slipway.yaml in force yet"},
		"a project that is suspended": {by: "dev#2", text: "restart", past: "push b good", project: func(p *v1alpha1.Project) { p.Spec.Suspend = true }},
		"a project that is gone":      {by: "dev#2", text: "restart", past: "push b good", project: func(p *v1alpha1.Project) { p.Name = "other" }},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			objects := []client.Object{shop(tt.project), comment(tt.by, tt.text, tt.change)}
			if tt.past != "" {
				objects = append(objects, preview(tt.past)...)
			}
			f := newFixture(t, interceptor.Funcs{}, objects...)
			answer, err := f.look(t)
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			if answer != nil {
				got = map[bool]string{true: "not done: ", false: "done: "}[answer.Refused] + answer.Message
			}
			if answer != nil && answer.Silent {
				got = "silent: " + answer.Message
			}
			if !strings.HasPrefix(got, tt.want) || tt.want == "" && got != "" {
				t.Errorf("answered %q, want %q", got, tt.want)
			}
			asked := strings.Join(f.releases(t), "\n")
			if !strings.Contains(asked, tt.asked) || tt.asked == "" && asked != "" {
				t.Errorf("asked for %q, want %q", asked, tt.asked)
			}
		})
	}
}

// A comment whose answer was lost, because the process ended, restarts nothing twice.
func TestRestartsOnce(t *testing.T) {
	lose := true
	calls := interceptor.Funcs{SubResourcePatch: func(ctx context.Context, c client.Client, sub string, o client.Object, patch client.Patch, options ...client.SubResourcePatchOption) error {
		if lose {
			return fault.New(fault.Unavailable, "the API server went away")
		}
		return c.SubResource(sub).Patch(ctx, o, patch, options...)
	}}
	f := newFixture(t, calls, append([]client.Object{shop(nil), comment("dev#2", "restart", nil)}, preview("push b good")...)...)
	if _, err := f.look(t); err == nil {
		t.Fatal("no error")
	}
	lose = false
	answer, err := f.look(t)
	if err != nil || answer == nil || answer.Refused || answer.Message != "release 2: restart" {
		t.Errorf("answered %+v, %v", answer, err)
	}
	if asked := f.releases(t); len(asked) != 1 {
		t.Errorf("asked for %v", asked)
	}
}

// What may pass by itself is tried again; what does not is the answer.
func TestFilesThatCannotBeRead(t *testing.T) {
	f := newFixture(t, interceptor.Funcs{}, append([]client.Object{shop(nil), comment("dev#2", "restart", nil)}, preview("push b good")...)...)
	f.sources.err = fault.New(fault.Unavailable, "git.example did not answer")
	if answer, err := f.look(t); fault.CodeOf(err) != fault.Unavailable {
		t.Errorf("answered %+v, %v", answer, err)
	}
	f.sources.err = fault.New(fault.NotFound, "commit aaaaaaaa is in no branch")
	if answer, err := f.look(t); err != nil || answer == nil || !answer.Refused || answer.Message != "commit aaaaaaaa is in no branch" {
		t.Errorf("answered %+v, %v", answer, err)
	}
}

// An extension names who asked for it, and says from when on.
func TestExtensionIsRecorded(t *testing.T) {
	f := newFixture(t, interceptor.Funcs{}, append([]client.Object{shop(nil), comment("olga#1", "extend 12h", nil)}, preview("push b good")...)...)
	if answer, err := f.look(t); err != nil || answer == nil || answer.Refused {
		t.Fatalf("answered %+v, %v", answer, err)
	}
	var stage v1alpha1.Stage
	if err := f.client.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: "shop-pr-7"}, &stage); err != nil {
		t.Fatal(err)
	}
	got := stage.Spec.Extension
	if got == nil || got.By != "Olga" || !got.At.Time.Equal(start()) || !got.Until.Time.Equal(start().Add(12*time.Hour)) {
		t.Errorf("recorded %+v", got)
	}
}
