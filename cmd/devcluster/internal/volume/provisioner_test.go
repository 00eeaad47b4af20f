package volume

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"
	"sigs.k8s.io/yaml"

	"github.com/slipway-dev/slipway/cmd/devcluster/internal/golden"
)

func claim(class string) *corev1.PersistentVolumeClaim {
	return &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "data", UID: "1234"},
		Spec: corev1.PersistentVolumeClaimSpec{
			StorageClassName: &class,
			AccessModes:      []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			Resources:        corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")}},
		},
	}
}

func TestVolume(t *testing.T) {
	raw, err := yaml.Marshal(Volume(claim(Class), "/root-folder"))
	if err != nil {
		t.Fatal(err)
	}
	golden.Compare(t, "volume.yaml", string(raw))
}

func TestWants(t *testing.T) {
	now := metav1.Now()
	for name, test := range map[string]struct {
		change func(*corev1.PersistentVolumeClaim)
		want   bool
	}{
		"waits":         {func(*corev1.PersistentVolumeClaim) {}, true},
		"another class": {func(c *corev1.PersistentVolumeClaim) { *c.Spec.StorageClassName = "fast" }, false},
		"no class":      {func(c *corev1.PersistentVolumeClaim) { c.Spec.StorageClassName = nil }, false},
		"has one":       {func(c *corev1.PersistentVolumeClaim) { c.Spec.VolumeName = "x" }, false},
		"bound":         {func(c *corev1.PersistentVolumeClaim) { c.Status.Phase = corev1.ClaimBound }, false},
		"is deleted":    {func(c *corev1.PersistentVolumeClaim) { c.DeletionTimestamp = &now }, false},
	} {
		t.Run(name, func(t *testing.T) {
			asked := claim(Class)
			test.change(asked)
			if got := wants(asked); got != test.want {
				t.Errorf("%v, want %v", got, test.want)
			}
		})
	}
}

// TestLife follows a claim: folder and volume come, and go after the release.
func TestLife(t *testing.T) {
	root := filepath.Join(t.TempDir(), "volumes")
	client := fake.NewClientset(claim(Class))
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- New(client, root, slog.New(slog.DiscardHandler)).Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	folder, volumes := filepath.Join(root, "pvc-1234"), client.CoreV1().PersistentVolumes()
	var made *corev1.PersistentVolume
	await(t, "the volume comes", func() (err error) {
		made, err = volumes.Get(t.Context(), "pvc-1234", metav1.GetOptions{})
		return err
	})
	if info, err := os.Stat(folder); err != nil || info.Mode().Perm() != 0o777 {
		t.Errorf("folder: %v, want one that everybody may write", err)
	}

	foreign := made.DeepCopy()
	foreign.Name, foreign.Annotations, foreign.Status.Phase = "foreign", nil, corev1.VolumeReleased
	if _, err := volumes.Create(t.Context(), foreign, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	made.Status.Phase = corev1.VolumeReleased
	if _, err := volumes.UpdateStatus(t.Context(), made, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	await(t, "folder goes", func() error {
		if _, err := os.Stat(folder); os.IsNotExist(err) {
			return nil
		}
		return os.ErrExist
	})
	await(t, "volume goes", func() error {
		if _, err := volumes.Get(t.Context(), "pvc-1234", metav1.GetOptions{}); err != nil {
			return nil
		}
		return os.ErrExist
	})
	if _, err := volumes.Get(t.Context(), "foreign", metav1.GetOptions{}); err != nil {
		t.Errorf("another provisioner's volume: %v", err)
	}
}

func await(t *testing.T, what string, ask func() error) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		err := ask()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: %v", what, err)
		}
	}
}
