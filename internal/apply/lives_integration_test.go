//go:build integration

package apply

import (
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/internal/apply/inventory"
)

var lives = flag.Int("lives", 8, "how many random lives of stages are lived")

// life is one stage's random life among objects of others.
type life struct {
	*stage
	random *rand.Rand
	wanted map[string]string // manifest by name, as of the last good set
}

// Stages live random lives: deploy, change, fail half-way, go back, rename,
// drift, die. In the end everything there is listed: what the last good set
// holds, what others made, untouched, and nothing else.
func TestRandomLives(t *testing.T) {
	for seed := range *lives {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			l := &life{stage: newStage(t), random: rand.New(rand.NewPCG(uint64(seed), 7)), wanted: map[string]string{}}
			for at := range 3 {
				l.other(configMap(fmt.Sprintf("foreign-%d", at), "theirs"))
			}
			foreign := l.foreignVersions()
			for range 6 + l.random.IntN(6) {
				l.step()
			}
			l.settle()
			if l.random.IntN(2) == 0 {
				l.deploy(map[string]string{})
				l.settleAt(nil)
			}
			if after := l.foreignVersions(); !maps.Equal(foreign, after) {
				t.Errorf("objects of others were touched: %v became %v", foreign, after)
			}
		})
	}
}

// foreignVersions returns the resource versions of the others' objects.
func (l *life) foreignVersions() map[string]string {
	versions := map[string]string{}
	list, err := l.objectsOf(inventory.Ref{Version: "v1", Kind: "ConfigMap"}).List(l.t.Context(), metav1.ListOptions{})
	if err != nil {
		l.t.Fatal(err)
	}
	for _, object := range list.Items {
		if strings.HasPrefix(object.GetName(), "foreign-") {
			versions[object.GetName()] = object.GetResourceVersion()
		}
	}
	return versions
}

// step does one random thing.
func (l *life) step() {
	next := l.change()
	switch l.random.IntN(6) {
	case 0: // the process dies somewhere on the way
		l.traffic.cut(l.random.IntN(12), l.random.IntN(2) == 0)
		_, err := l.applier.Apply(l.t.Context(), l.set(join(next)))
		if err == nil {
			_, err = l.applier.Prune(l.t.Context(), l.owner)
		}
		if !l.traffic.heal() && err == nil {
			l.wanted = next
		}
		l.restart()
	case 1: // the set is refused
		bad := maps.Clone(next)
		bad["zz"] = service("zz", 70000)
		if _, err := l.applier.Apply(l.t.Context(), l.set(join(bad))); err == nil {
			l.t.Error("an invalid set was accepted")
		}
	case 2: // somebody meddles
		for _, name := range slices.Sorted(maps.Keys(l.wanted)) {
			if strings.HasPrefix(name, "cm-") && l.field("cm/"+name, ".metadata.name") != "" {
				if l.random.IntN(2) == 0 {
					l.remove("cm/" + name)
				} else {
					l.patch("cm/"+name, "", `{"data":{"key":"meddled"}}`)
				}
				break
			}
		}
	default:
		l.deploy(next)
	}
}

// deploy applies a set, trying again as the server does, and prunes.
func (l *life) deploy(next map[string]string) {
	l.patiently("deploy", func() error {
		if _, err := l.applier.Apply(l.t.Context(), l.set(join(next))); err != nil {
			return err
		}
		_, err := l.applier.Prune(l.t.Context(), l.owner)
		return err
	})
	l.wanted = next
}

// change returns a set that differs a little: something new, changed, renamed
// or removed.
func (l *life) change() map[string]string {
	next := maps.Clone(l.wanted)
	for range 1 + l.random.IntN(4) {
		n, version := l.random.IntN(5), l.random.IntN(3)
		image := fmt.Sprintf("registry.example/x:%d", version)
		name := fmt.Sprintf("%s-%d", []string{"cm", "deploy", "svc", "job", "pvc", "ing"}[l.random.IntN(6)], n)
		switch kind, _, _ := strings.Cut(name, "-"); {
		case l.random.IntN(3) == 0:
			delete(next, name)
		case kind == "cm":
			next[name] = configMap(name, fmt.Sprint(version))
		case kind == "deploy":
			next[name] = deployment(name, image, version)
		case kind == "svc":
			next[name] = service(name, 80+version)
		case kind == "job":
			next[name] = replaceable(job(name, image))
		case kind == "pvc":
			next[name] = strings.Replace(claim(name, "1Gi"), "{name: "+name+"}", "{name: "+name+", annotations: {slipway.dev/prune: \"true\"}}", 1)
		case kind == "ing":
			next[name] = ingress(name, fmt.Sprintf("h%d.example", version))
		}
	}
	return next
}

func join(set map[string]string) string {
	var documents []string
	for _, name := range slices.Sorted(maps.Keys(set)) {
		documents = append(documents, set[name])
	}
	return manifests(documents...)
}

// settle deploys the last good set again and checks that nothing else is left.
func (l *life) settle() {
	l.t.Helper()
	l.deploy(l.wanted)
	kinds := map[string]string{"cm": "configmap", "deploy": "deployment", "svc": "service", "job": "job", "pvc": "persistentvolumeclaim", "ing": "ingress"}
	var want []string
	for name := range l.wanted {
		kind, _, _ := strings.Cut(name, "-")
		want = append(want, kinds[kind]+"/"+name)
	}
	l.settleAt(want)
}

func (l *life) settleAt(want []string) {
	l.t.Helper()
	for at := range 3 {
		want = append(want, fmt.Sprintf("configmap/foreign-%d", at))
	}
	slices.Sort(want)
	l.patiently("the life's end", func() error {
		objects := l.objects()
		if got := slices.Sorted(maps.Keys(objects)); !slices.Equal(got, want) {
			return fmt.Errorf("there is %v, want %v", got, want)
		}
		maps.DeleteFunc(objects, func(name, _ string) bool { return strings.HasPrefix(name, "configmap/foreign-") })
		inventory := l.inventory()
		if len(inventory.Entries) != len(objects) {
			return errors.New("the inventory holds other objects")
		}
		return matches(inventory, objects)
	})
}
