package project

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
)

func TestFlood(t *testing.T) {
	cases := map[string]struct {
		count int
		apart time.Duration
		want  bool
	}{
		"none":                 {0, 0, false},
		"some at once":         {floodSize, 0, false},
		"many at once":         {floodSize + 1, 0, true},
		"many, slowly":         {10 * floodSize, floodTime/floodSize + time.Millisecond, false},
		"many, a bit too fast": {10 * floodSize, floodTime / floodSize * 4 / 5, true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			began := time.Date(2026, 3, 4, 10, 0, 0, 0, time.UTC)
			var deliveries []v1alpha1.Delivery
			for i := range c.count {
				received := metav1.NewMicroTime(began.Add(time.Duration(i) * c.apart))
				deliveries = append(deliveries, v1alpha1.Delivery{Spec: v1alpha1.DeliverySpec{Received: received}})
			}
			if got := flood(deliveries); got != c.want {
				t.Errorf("got %t", got)
			}
		})
	}
}
