package operate

import (
	"context"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/naming"
)

func deliveryOf(name, id string, received int64) *v1alpha1.Delivery {
	return &v1alpha1.Delivery{
		ObjectMeta: metav1.ObjectMeta{Namespace: "slipway-org-acme", Name: name, Labels: map[string]string{naming.LabelProject: "shop"}},
		Spec:       v1alpha1.DeliverySpec{Project: "shop", ID: id, Received: metav1.MicroTime{Time: time.Unix(received, 0)}},
	}
}

func TestDeliveries(t *testing.T) {
	all := Deliveries{Client: fakeClient(t, interceptor.Funcs{}, deliveryOf("one", "1", 100), deliveryOf("two", "2", 200), deliveryOf("three", "2", 300))}
	list, err := all.List(t.Context(), "", "shop")
	if err != nil || len(list) != 3 || list[0].Name != "three" || list[2].Name != "one" {
		t.Fatalf("got %v, %v; want the newest first", list, err)
	}
	for name, want := range map[string]fault.Code{"one": "", "1": "", "2": fault.Invalid, "9": fault.NotFound} {
		if _, err := all.Find(t.Context(), "", "shop", name); fault.CodeOf(err) != want {
			t.Errorf("delivery %s: %v, want a fault %q", name, err, want)
		}
	}
}

func TestReplay(t *testing.T) {
	c := fakeClient(t, interceptor.Funcs{}, deliveryOf("one", "1", 100))
	all := Deliveries{Client: c}
	one, err := all.Find(t.Context(), "slipway-org-acme", "shop", "one")
	if err != nil {
		t.Fatal(err)
	}
	replayed, err := all.Replay(t.Context(), one)
	if err != nil || replayed.ReplayMark() == "" || WasReplayed(replayed, replayed) {
		t.Fatalf("got %+v, %v", replayed, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := all.AwaitReplay(ctx, replayed, func() { t.Error("it is too early to say that nobody works") }); fault.CodeOf(err) != fault.Unavailable {
		t.Errorf("an interrupted wait gave %v", err)
	}
	handled := replayed.DeepCopy()
	handled.Status.Replayed = replayed.ReplayMark()
	if err := c.Patch(t.Context(), handled, client.MergeFrom(replayed)); err != nil {
		t.Fatal(err)
	}
	if after, err := all.AwaitReplay(t.Context(), replayed, func() {}); err != nil || !WasReplayed(after, replayed) {
		t.Errorf("got %+v, %v", after, err)
	}
}
