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

// AskFault says why a cluster did not give what it was asked for: it did not
// answer, or it did, with a refusal or an error of its own. Nil stays nil.
func AskFault(cluster string, err error) error {
	var status apierrors.APIStatus
	code, answered := CodeOf(err), errors.As(err, &status)
	var own *fault.Error
	switch {
	case err == nil:
		return nil
	case !answered && errors.As(err, &own): // it was not asked
		return fault.Wrap(own.Code, err, "%s: %s", cluster, own.Message)
	case apierrors.IsUnauthorized(err):
		return fault.Wrap(code, err, "%s rejects the credentials: %v; renew them", cluster, err)
	case code == fault.Denied:
		return fault.Wrap(code, err, "%s forbids it: %v; ask its administrator for the right", cluster, err)
	case code == fault.NotFound:
		return fault.Wrap(code, err, "%s does not have it: %v", cluster, err)
	case code == fault.Unavailable && !answered:
		return fault.Wrap(code, err, "%s does not answer: %v", cluster, err)
	case code == fault.Unavailable:
		return fault.Wrap(code, err, "%s can't do it now: %v", cluster, err)
	}
	return fault.Wrap(code, err, "%s refuses it: %v", cluster, err)
}
