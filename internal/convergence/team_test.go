//go:build integration

package convergence

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/controller/servertest"
	"github.com/slipway-dev/slipway/internal/scm/forgetest"
)

// rules are the stages of every history's project.
const rules = `  - {name: main, branch: main}
  - {name: twin, branch: main, overlay: overlays/twin}
  - {name: dev, branch: develop}
  - {name: feature, branch: "feature/*"}
  - {name: released, tag: "v*"}
`

// post takes the deliveries of all repositories from the forge, so that each
// team decides what becomes of its own.
type post struct {
	mu    sync.Mutex
	boxes map[string][]forgetest.Delivery
}

// interceptPost takes over the forge's deliveries of the given repositories;
// those of others go out as usual.
func interceptPost() *post {
	p := &post{boxes: map[string][]forgetest.Delivery{}}
	world.Forge.Intercept(func(d forgetest.Delivery) []forgetest.Delivery {
		p.mu.Lock()
		defer p.mu.Unlock()
		box, taken := p.boxes[d.Repository]
		if !taken {
			return []forgetest.Delivery{d}
		}
		p.boxes[d.Repository] = append(box, d)
		return nil
	})
	return p
}

// open takes over the deliveries of a repository.
func (p *post) open(repository string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.boxes[repository] = []forgetest.Delivery{}
}

// take returns the deliveries since the last take.
func (p *post) take(repository string) []forgetest.Delivery {
	p.mu.Lock()
	defer p.mu.Unlock()
	box := p.boxes[repository]
	p.boxes[repository] = []forgetest.Delivery{}
	return box
}

// team plays one history in a project of its own.
type team struct {
	*servertest.Project
	post  *post
	model *Model
	chaos *rand.Rand

	step     int
	pulls    int
	late     []lateDelivery
	accepted map[string]bool // ids of deliveries that were acknowledged
	sent     int
	lost     int
}

// lateDelivery is sent at a step.
type lateDelivery struct {
	delivery forgetest.Delivery
	at       int
}

// site returns the files of a repository whose settings say a greeting.
func site(project, greeting string) map[string]string {
	return map[string]string{
		"slipway.yaml": "version: 1\nproject: " + project + "\nmembers: [{user: owner, role: owner}, {user: dev, role: developer}]\n" +
			"stages:\n" + rules + "services:\n  site: {kustomize: deploy}\n",
		"deploy/kustomization.yaml": "resources: [settings.yaml]\n",
		"deploy/settings.yaml":      settings(greeting),
		overlayFile:                 overlay("first"),
	}
}

// overlayFile is the overlay of the stage twin.
const overlayFile = "overlays/twin/kustomization.yaml"

func overlay(tier string) string { return "labels: [{pairs: {tier: \"" + tier + "\"}}]\n" }

func settings(greeting string) string {
	return "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {greeting: \"" + greeting + "\"}\n"
}

// join makes a team's project, which has one commit on main.
func join(ctx context.Context, organization, name string, seed int, p *post) (*team, error) {
	t := &team{
		Project: &servertest.Project{Organization: organization, Name: name, Change: func(made *v1alpha1.Project) {
			made.Spec.SyncInterval = &metav1.Duration{Duration: 2 * time.Second}
		}},
		post: p, model: newModel(), accepted: map[string]bool{},
		chaos: rand.New(rand.NewPCG(uint64(seed), 1)),
	}
	if err := world.Register(ctx, t.Project, site(name, "first")); err != nil {
		return nil, err
	}
	p.open(t.Path)
	head, err := world.Forge.Head(t.Path, "refs/heads/main")
	if err != nil {
		return nil, err
	}
	t.model.set("refs/heads/main", head)
	t.model.said[head], t.model.tier[head] = "first", "first"
	return t, nil
}

// play does all steps of a history, and sends what is late at the end.
func (t *team) play(ctx context.Context, h History) error {
	for i, s := range h.Steps {
		t.step = i
		if err := t.do(s); err != nil {
			return fmt.Errorf("step %d %+v: %w", i, s, err)
		}
		t.dispatch(ctx, s)
		select {
		case <-time.After(s.pause()):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	t.step = len(h.Steps) + 100
	t.send(ctx)
	return nil
}

// do changes the repository.
func (t *team) do(s Step) error {
	ref := "refs/heads/" + s.Ref
	switch s.Do {
	case "push":
		return t.commit(s.Ref, "")
	case "readme":
		return t.edit(ref, map[string]string{"README.md": fmt.Sprintf("step %d\n", t.step)}, "")
	case "overlay":
		tier := fmt.Sprintf("step-%d", t.step)
		return t.edit(ref, map[string]string{overlayFile: overlay(tier)}, tier)
	case "force":
		return t.commit(s.Ref, t.model.older(ref, s.Back))
	case "unrelated":
		return t.commit(s.Ref, "none")
	case "rewind":
		return t.move(ref, t.model.older(ref, s.Back+1))
	case "delete":
		return t.move(ref, "")
	case "tag":
		return t.tag(s)
	case "untag":
		return t.move("refs/tags/"+s.Ref, "")
	case "open", "edit", "close":
		return t.pull(s)
	}
	return nil
}

// commit pushes a new commit with settings of its own.
func (t *team) commit(branch, parent string) error {
	greeting := fmt.Sprintf("%s at step %d", branch, t.step)
	commit, err := world.Forge.PushCommit(t.Path, forgetest.Commit{
		Branch: branch, Parent: parent, Files: site(t.Name, greeting), Message: greeting, Login: "dev",
	})
	if err != nil {
		return err
	}
	t.model.set("refs/heads/"+branch, commit)
	t.model.said[commit], t.model.tier[commit] = greeting, "first"
	return nil
}

// edit pushes a commit to an existing branch that keeps the settings, and the
// overlay when the tier is empty.
func (t *team) edit(ref string, files map[string]string, tier string) error {
	before, exists := t.model.refs[ref]
	if !exists {
		return nil
	}
	commit, err := world.Forge.PushCommit(t.Path, forgetest.Commit{
		Branch: strings.TrimPrefix(ref, "refs/heads/"), Files: files, Message: fmt.Sprintf("step %d", t.step), Login: "dev",
	})
	if err != nil {
		return err
	}
	t.model.set(ref, commit)
	t.model.said[commit], t.model.tier[commit] = t.model.said[before], cmp.Or(tier, t.model.tier[before])
	return nil
}

// move points an existing ref elsewhere, or deletes it.
func (t *team) move(ref, commit string) error {
	now, exists := t.model.refs[ref]
	if !exists || now == commit {
		return nil
	}
	if err := world.Forge.SetRef(t.Path, ref, commit, "dev"); err != nil {
		return err
	}
	t.model.set(ref, commit)
	return nil
}

// tag makes a tag of main, or moves one that exists.
func (t *team) tag(s Step) error {
	ref, commit := "refs/tags/"+s.Ref, t.model.older("refs/heads/main", s.Back)
	if _, exists := t.model.refs[ref]; exists {
		return t.move(ref, commit)
	}
	message := ""
	if s.Back%2 == 1 {
		message = "annotated"
	}
	if err := world.Forge.Tag(t.Path, s.Ref, commit, message, "dev"); err != nil {
		return err
	}
	t.model.set(ref, commit)
	return nil
}

// pull opens, edits or closes a pull request; no stage depends on one.
func (t *team) pull(s Step) error {
	if s.Do == "open" {
		if _, exists := t.model.refs["refs/heads/"+s.Ref]; !exists || s.Ref == "main" {
			return nil
		}
		_, err := world.Forge.OpenPull(t.Path, forgetest.PullRequest{Title: "change", Head: s.Ref, Login: "dev"})
		t.pulls++
		return err
	}
	if t.pulls == 0 {
		return nil
	}
	number := 1 + s.Back%t.pulls
	if s.Do == "close" {
		return world.Forge.EditPull(t.Path, number, "closed", "", "dev")
	}
	return world.Forge.EditPull(t.Path, number, "labeled", "l"+fmt.Sprint(t.step), "dev")
}

// dispatch decides what becomes of the deliveries of a step, and sends what
// is due, in an order of its own.
func (t *team) dispatch(ctx context.Context, s Step) {
	for _, d := range t.post.take(t.Path) {
		if s.Copies == 0 {
			t.lost++
		}
		for copies := range s.Copies {
			t.late = append(t.late, lateDelivery{d, t.step + s.Late + copies})
		}
	}
	t.send(ctx)
}

// send sends what is due.
func (t *team) send(ctx context.Context) {
	t.chaos.Shuffle(len(t.late), func(i, j int) { t.late[i], t.late[j] = t.late[j], t.late[i] })
	var later []lateDelivery
	for _, each := range t.late {
		if each.at > t.step {
			later = append(later, each)
			continue
		}
		t.sent++
		if answer := world.Forge.Send(ctx, each.delivery); answer.Status/100 == 2 {
			t.accepted[each.delivery.ID] = true
		}
	}
	t.late = later
}

// converges waits until the cluster is what the model says.
func (t *team) converges(ctx context.Context) error {
	var last error
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		if last = t.check(ctx); last == nil {
			return nil
		}
		if ctx.Err() != nil {
			break
		}
	}
	return last
}

// suspend ends the automatic work of the project.
func (t *team) suspend(ctx context.Context) error { return suspend(ctx, t.Project) }

// suspend ends the automatic work of a project.
func suspend(ctx context.Context, p *servertest.Project) error {
	project := &v1alpha1.Project{ObjectMeta: metav1.ObjectMeta{Name: p.Name, Namespace: p.Namespace}}
	return world.Client.Patch(ctx, project, client.RawPatch("application/merge-patch+json", []byte(`{"spec":{"suspend":true}}`)))
}

// check compares the cluster with the model.
func (t *team) check(ctx context.Context) error {
	view, err := t.look(ctx)
	if err != nil {
		return err
	}
	if err := view.stagesOf(t); err != nil {
		return err
	}
	return errors.Join(view.deliveries(t.accepted), view.sequence())
}
