package build

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"

	"github.com/slipway-dev/slipway/internal/fault"
)

// registryFault says in a user's words what became of a question about an
// image. What the registry answered stays in the cause, for logs.
func registryFault(err error, image string) error {
	var coded *fault.Error
	if errors.As(err, &coded) {
		return fault.Wrap(coded.Code, err, "image %s: %s", image, coded.Message)
	}
	switch status := statusOf(err); {
	case status == http.StatusNotFound:
		return fault.Wrap(fault.NotFound, err, "image %s does not exist; check its name and tag", image)
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return fault.Wrap(fault.Denied, err, "the registry refuses access to image %s: it does not exist, or the cluster's registry credentials don't allow it", image)
	case status == http.StatusTooManyRequests:
		return fault.Wrap(fault.Unavailable, err, "the registry of image %s limits the rate of requests; configure a mirror or credentials, or wait", image)
	case status != 0:
		return fault.Wrap(fault.Unavailable, err, "the registry answered %d for image %s; check the registry", status, image)
	}
	if Unreached(err) {
		return fault.Wrap(fault.Unavailable, err, "the registry of image %s cannot be reached; check its name and the network", image)
	}
	return fault.Wrap(fault.Unavailable, err, "what answers for image %s is no registry, or a broken one; check its name", image)
}

// Unreached reports whether no connection came about, or no answer in time.
func Unreached(err error) bool {
	var lookup *net.DNSError
	var network *net.OpError
	var late net.Error
	return errors.As(err, &lookup) || errors.As(err, &network) || errors.As(err, &late) && late.Timeout()
}

// isNetwork reports whether no answer came at all.
func isNetwork(err error) bool {
	var network net.Error
	var wrapped *url.Error
	return errors.As(err, &network) || errors.As(err, &wrapped) || errors.Is(err, context.DeadlineExceeded)
}
