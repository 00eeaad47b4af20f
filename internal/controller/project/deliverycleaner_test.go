package project

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/queue"
)

// strained is an API server that refuses the first write to what is named bad.
type strained struct {
	mu      sync.Mutex
	wrote   []string
	refused bool
}

func (s *strained) take(what, name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wrote = append(s.wrote, what+" "+name)
	if name == "bad" && !s.refused {
		s.refused = true
		return errors.New("the API server is away")
	}
	return nil
}

func (s *strained) written() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.wrote)
}

func (s *strained) client() client.Client {
	return fake.NewClientBuilder().WithInterceptorFuncs(interceptor.Funcs{
		Delete: func(_ context.Context, _ client.WithWatch, o client.Object, options ...client.DeleteOption) error {
			if p := (&client.DeleteOptions{}).ApplyOptions(options).Preconditions; p == nil || *p.UID != o.GetUID() || *p.ResourceVersion != o.GetResourceVersion() {
				return s.take("delete whatever is", o.GetName())
			}
			return s.take("delete", o.GetName())
		},
		SubResourcePatch: func(_ context.Context, _ client.Client, _ string, o client.Object, _ client.Patch, _ ...client.SubResourcePatchOption) error {
			return s.take("mark", o.GetName())
		},
	}).Build()
}

func delivery(name string) v1alpha1.Delivery {
	return v1alpha1.Delivery{ObjectMeta: metav1.ObjectMeta{Name: name, UID: types.UID(name), ResourceVersion: "1"}}
}

// What is kept is marked before the others are deleted, and what fails once is
// done after the rest.
func TestDeliveryCleaner(t *testing.T) {
	api := &strained{}
	cleaner := NewDeliveryCleaner(api.client(), queue.NewPriorityGate(time.Second), slog.New(slog.DiscardHandler))
	cleaner.Delete([]v1alpha1.Delivery{delivery("bad"), delivery("old"), delivery("older")})
	for i := range 2 {
		d := delivery(fmt.Sprintf("new-%d", i))
		marked := d.DeepCopy()
		marked.Status.Attempts++
		cleaner.Mark(d, marked)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- cleaner.Start(ctx) }()
	want := []string{"mark new-0", "mark new-1", "delete bad", "delete old", "delete older", "delete bad"}
	for deadline := time.Now().Add(time.Minute); len(api.written()) < len(want) && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff(want, api.written()); diff != "" {
		t.Errorf("written (-want +got):\n%s", diff)
	}
	again := delivery("new-0")
	if !cleaner.Knows(&again) {
		t.Error("a marked delivery, as the watch cache shows it, waits again")
	}
	again.ResourceVersion = "2"
	if cleaner.Knows(&again) {
		t.Error("a delivery that is delivered again is forgotten")
	}
}
