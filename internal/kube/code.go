package kube

import (
	"context"
	"errors"
	"net/http"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/slipway-dev/slipway/internal/fault"
)

// CodeOf says what kind of fault an answer of the API server is.
func CodeOf(err error) fault.Code {
	var status apierrors.APIStatus
	switch {
	case err == nil:
		return ""
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return fault.Unavailable
	case !errors.As(err, &status):
		if code := fault.CodeOf(err); code != fault.Internal {
			return code
		}
		return fault.Unavailable // the network failed: the server said nothing
	case apierrors.IsForbidden(err), apierrors.IsUnauthorized(err):
		return fault.Denied
	case apierrors.IsNotFound(err):
		return fault.NotFound
	case apierrors.IsConflict(err), apierrors.IsAlreadyExists(err):
		return fault.Conflict
	case apierrors.IsTooManyRequests(err), apierrors.IsServerTimeout(err), apierrors.IsTimeout(err),
		apierrors.IsServiceUnavailable(err), apierrors.IsInternalError(err), status.Status().Code >= http.StatusInternalServerError:
		return fault.Unavailable
	}
	return fault.Invalid
}
