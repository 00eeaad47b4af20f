package wire

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/format/pktline"
	"golang.org/x/crypto/ssh"

	"github.com/slipway-dev/slipway/internal/dial"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/git"
	"github.com/slipway-dev/slipway/internal/printable"
)

// Errors of a remote, beside status codes.
var (
	errNotGit        = errors.New("the answer is not git's smart HTTP")
	errNoRepository  = errors.New("the server has no such repository")
	errRefused       = errors.New("the server refused access")
	errNoKey         = errors.New("ssh needs a key and known hosts")
	errBadKey        = errors.New("the ssh key can't be parsed")
	errBadKnownHosts = errors.New("the known hosts can't be parsed")
)

// Fault turns what went wrong with a remote into a sentence and a code.
// Errors that already have a code pass.
func Fault(ctx context.Context, where Endpoint, err error) error {
	var coded *fault.Error
	if err == nil || errors.As(err, &coded) {
		return err
	}
	say := func(code fault.Code, rest string) error {
		return fault.Wrap(code, err, "fetch %s: %s", where, rest)
	}
	switch cause := context.Cause(ctx); {
	case errors.As(cause, &coded):
		return cause
	case errors.Is(cause, context.DeadlineExceeded):
		return say(fault.Unavailable, tooLongText)
	case cause != nil:
		return say(fault.Unavailable, "stopped before it was done; Slipway tries again")
	}
	switch {
	case errors.Is(err, git.ErrTooLarge):
		return say(fault.Invalid, "the repository is larger than the limit; remove large files from its history or raise the limit")
	case errors.Is(err, errNotGit):
		return say(fault.Invalid, "the URL doesn't answer as a git repository; correct the URL")
	case errors.Is(err, errNoRepository):
		return say(fault.NotFound, notFoundText)
	case errors.Is(err, errRefused):
		return say(fault.Denied, deniedText)
	case errors.Is(err, errNoKey):
		return say(fault.Invalid, "ssh needs a private key and known hosts; add both to the repository's Secret")
	case errors.Is(err, errBadKey):
		return say(fault.Invalid, "the ssh key can't be parsed; store an unencrypted private key in PEM form")
	case errors.Is(err, errBadKnownHosts):
		return say(fault.Invalid, "the known hosts can't be parsed; store the output of ssh-keyscan for the host")
	}
	return transportFault(err, say)
}

const (
	notFoundText = "the repository doesn't exist, or the credentials give no access to it; check the URL and the repository's Secret"
	tooLongText  = "the server took too long; Slipway tries again"
	deniedText   = "the server refused the credentials; renew the repository's Secret"
)

func transportFault(err error, say func(fault.Code, string) error) error {
	var status *statusError
	var redirect *redirectError
	var line *pktline.ErrorLine
	var exit *ssh.ExitError
	switch {
	case errors.As(err, &redirect):
		return say(fault.Denied, "the server redirects elsewhere, which is not followed; if the repository moved, enter its new URL")
	case errors.As(err, &status):
		return statusFault(status, say)
	case strings.Contains(err.Error(), "knownhosts: key"), strings.Contains(err.Error(), "unable to authenticate"):
		return say(fault.Denied, "ssh keys don't match: the server's host key is not in the known hosts, or it doesn't accept our key; correct the repository's Secret")
	case errors.As(err, &line), errors.As(err, &exit):
		return say(fault.Unavailable, "the server ended with an error; Slipway tries again")
	case errors.Is(err, errStalled):
		return say(fault.Unavailable, "the server stopped sending; Slipway tries again")
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return say(fault.Unavailable, tooLongText)
	case dial.Untrusted(err) != "":
		return say(fault.Unavailable, "the server's certificate is not trusted: "+printable.Excerpt(dial.Untrusted(err), 200)+"; give its authority as ca of the repository in the Project. Slipway tries again")
	case isUnreached(err):
		return say(fault.Unavailable, "the server can't be reached; check the URL and the network. Slipway tries again")
	case isBroken(err):
		return say(fault.Unavailable, "the server broke the connection; Slipway tries again")
	}
	return say(fault.Unavailable, "the server's answer is damaged; Slipway tries again")
}

// isUnreached reports whether no connection came about.
func isUnreached(err error) bool {
	var name *net.DNSError
	var network *net.OpError
	return errors.As(err, &name) || errors.As(err, &network) && network.Op == "dial"
}

// isBroken reports whether a connection ended, or an answer did not come in time.
func isBroken(err error) bool {
	var network *net.OpError
	var late net.Error
	return errors.As(err, &network) || errors.As(err, &late) && late.Timeout() || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed)
}

func statusFault(status *statusError, say func(fault.Code, string) error) error {
	switch {
	case status.limited || status.code == http.StatusTooManyRequests:
		return say(fault.Unavailable, "the server limits the rate of requests; Slipway tries again later")
	case status.code == http.StatusUnauthorized || status.code == http.StatusForbidden:
		return say(fault.Denied, deniedText)
	case status.code == http.StatusNotFound || status.code == http.StatusGone:
		return say(fault.NotFound, notFoundText)
	case status.code >= http.StatusInternalServerError || status.code == http.StatusRequestTimeout:
		return say(fault.Unavailable, "the server reports an error of its own; Slipway tries again")
	}
	return say(fault.Invalid, "the server's answer is not part of git's protocol; check the URL")
}
