package target

import (
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/naming"
)

// TestManyTemplates reads as many templates as an organization may have, and one more.
func TestManyTemplates(t *testing.T) {
	for count, refused := range map[int]bool{maxTemplates: false, maxTemplates + 1: true} {
		templates := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: naming.OrganizationNamespace("acme"), Name: "templates"}, Data: map[string]string{}}
		for i := range count {
			templates.Data[fmt.Sprintf("t%d.yaml", i)] = "x"
		}
		err := addTemplates(t.Context(), fake.NewClientBuilder().WithObjects(templates).Build(), "acme", "templates", map[string][]byte{})
		if refused != (fault.CodeOf(err) == fault.Invalid && strings.Contains(err.Error(), "more than 100")) || !refused && err != nil {
			t.Errorf("%d templates: %v", count, err)
		}
	}
}
