package operate

import (
	"context"
	"errors"
	"fmt"

	authenticationv1 "k8s.io/api/authentication/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/kube"
)

// ErrAmbiguous is the cause of an error about a name that several
// organizations use: the caller has to name one of them.
var ErrAmbiguous = errors.New("several organizations have it")

// WhoAmI returns the Kubernetes user that a client acts as.
func WhoAmI(ctx context.Context, c client.Client) (string, error) {
	var review authenticationv1.SelfSubjectReview
	if err := c.Create(ctx, &review); err != nil {
		return "", Explain(err, "ask the control cluster who you are")
	}
	if review.Status.UserInfo.Username == "" {
		return "", fault.New(fault.Denied, "the control cluster does not know who you are; log in to it")
	}
	return review.Status.UserInfo.Username, nil
}

// Explain turns an error of the control cluster into a coded one that says
// what was tried (the formatted text), why it failed and what to do. It returns
// nil for nil.
func Explain(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	action := fmt.Sprintf(format, args...)
	switch code := kube.CodeOf(err); code {
	case fault.Denied:
		return fault.Wrap(code, err, "%s: the control cluster forbids it: %v; ask an owner of the organization for the right", action, err)
	case fault.NotFound:
		return fault.Wrap(code, err, "%s: it does not exist: %v", action, err)
	case fault.Invalid:
		return fault.Wrap(code, err, "%s: the control cluster refuses it: %v", action, err)
	case fault.Conflict:
		return fault.Wrap(code, err, "%s: it was changed meanwhile; look at it and try again", action)
	}
	return fault.Wrap(fault.Unavailable, err, "%s: the control cluster did not do it: %v", action, err)
}
