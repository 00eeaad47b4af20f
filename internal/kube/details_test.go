package kube_test

import (
	"context"
	"errors"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/kube"
)

// releaseOf returns a release in a phase with one service as a detail.
func releaseOf(name string, uid types.UID, phase v1alpha1.Phase) *v1alpha1.Release {
	return &v1alpha1.Release{
		ObjectMeta: metav1.ObjectMeta{Namespace: "slipway-org-acme", Name: name, UID: uid},
		Status:     v1alpha1.ReleaseStatus{Phase: phase, Services: []v1alpha1.ReleaseService{{Name: "web"}}},
	}
}

func TestReleaseDetails(t *testing.T) {
	tests := map[string]struct {
		stored *v1alpha1.Release
		kept   bool  // before it is read
		broken error // what the API server answers
		code   fault.Code
		reads  int // of two
	}{
		"read once":            {stored: releaseOf("r1", "1", v1alpha1.PhaseSucceeded), reads: 1},
		"kept when it ended":   {kept: true},
		"unfinished":           {stored: releaseOf("r1", "1", v1alpha1.PhaseVerifying), reads: 2},
		"gone":                 {code: fault.NotFound, reads: 2},
		"another of that name": {stored: releaseOf("r1", "2", v1alpha1.PhaseSucceeded), code: fault.NotFound, reads: 2},
		"no answer":            {broken: errors.New("connection refused"), code: fault.Unavailable, reads: 2},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			scheme := runtime.NewScheme()
			if err := v1alpha1.AddToScheme(scheme); err != nil {
				t.Fatal(err)
			}
			reads := 0
			builder := fake.NewClientBuilder().WithScheme(scheme).WithInterceptorFuncs(interceptor.Funcs{
				Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, o client.Object, options ...client.GetOption) error {
					reads++
					if tt.broken != nil {
						return tt.broken
					}
					return c.Get(ctx, key, o, options...)
				},
			})
			if tt.stored != nil {
				builder = builder.WithObjects(tt.stored)
			}
			details := kube.NewReleaseDetails(builder.Build())
			if tt.kept {
				details.Keep(releaseOf("r1", "1", v1alpha1.PhaseSucceeded))
			}
			slim := releaseOf("r1", "1", v1alpha1.PhaseSucceeded)
			slim.Status.Services = nil
			for range 2 {
				whole, err := details.Read(t.Context(), slim)
				if fault.CodeOf(err) != tt.code {
					t.Fatalf("err = %v, want the code %q", err, tt.code)
				}
				if err == nil && len(whole.Status.Services) != 1 {
					t.Errorf("the details are missing: %+v", whole.Status)
				}
			}
			if reads != tt.reads {
				t.Errorf("%d reads, want %d", reads, tt.reads)
			}
		})
	}
}
