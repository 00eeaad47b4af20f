package kube_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/kube"
)

// TestAskFault: who refuses has answered.
func TestAskFault(t *testing.T) {
	stages := schema.GroupResource{Group: "slipway.dev", Resource: "stages"}
	for name, tt := range map[string]struct {
		err   error
		code  fault.Code
		words string
	}{
		"nothing":      {nil, "", ""},
		"no network":   {errors.New("dial tcp 192.0.2.1:6443: connect: connection refused"), fault.Unavailable, "the cluster does not answer: "},
		"no rights":    {apierrors.NewForbidden(stages, "web", errors.New("no")), fault.Denied, "the cluster forbids it: "},
		"old token":    {apierrors.NewUnauthorized("Unauthorized"), fault.Denied, "the cluster rejects the credentials: "},
		"no such kind": {apierrors.NewNotFound(stages, ""), fault.NotFound, "the cluster does not have it: "},
		"overloaded":   {apierrors.NewTooManyRequests("slow down", 1), fault.Unavailable, "the cluster can't do it now: "},
		"broken":       {apierrors.NewInternalError(errors.New("etcd")), fault.Unavailable, "the cluster can't do it now: "},
		"a bad wish":   {apierrors.NewBadRequest("what"), fault.Invalid, "the cluster refuses it: "},
		"a web page":   {apierrors.NewGenericServerResponse(http.StatusMethodNotAllowed, "get", stages, "", "", 0, false), fault.Invalid, "the cluster refuses it: "},
	} {
		err := kube.AskFault("the cluster", tt.err)
		if fault.CodeOf(err) != tt.code || !strings.HasPrefix(fault.MessageOf(err), tt.words) {
			t.Errorf("%s: %s, %q; want %s, %q", name, fault.CodeOf(err), fault.MessageOf(err), tt.code, tt.words)
		}
	}
}
