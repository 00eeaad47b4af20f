package webhook

import (
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/slipway-dev/slipway/internal/fault"
)

// answer is the response to an authenticated sender.
type answer struct {
	Result   string `json:"result"`
	Delivery string `json:"delivery,omitempty"`
	Reason   string `json:"reason,omitempty"`
}

// refusal is an error that becomes an answer. Its message is one of ours and
// quotes nothing of a body.
type refusal struct {
	status  int
	code    fault.Code
	message string
	result  result
	cause   error // for the log only
}

// Error returns the message and the cause.
func (r refusal) Error() string {
	if r.cause == nil {
		return r.message
	}
	return r.message + ": " + r.cause.Error()
}

// Unwrap returns the cause.
func (r refusal) Unwrap() error { return r.cause }

// because returns the refusal with a cause for the log.
func (r refusal) because(cause error) refusal {
	r.cause = cause
	return r
}

// refusalOf returns the refusal in err; any other error is our mistake.
func refusalOf(err error) refusal {
	var r refusal
	if errors.As(err, &r) {
		return r
	}
	return refuseAs(http.StatusInternalServerError, fault.Internal, resultInternal, "the server made a mistake; its log has the details").because(err)
}

func refuseAs(status int, code fault.Code, what result, message string) refusal {
	return refusal{status: status, code: code, message: message, result: what}
}

// unauthenticated is the one answer to every request without a valid signature:
// an unknown project, a wrong secret, a forge that the project doesn't use.
func unauthenticated() refusal {
	return refuseAs(http.StatusUnauthorized, fault.Denied, resultUnauthenticated, "no project here has such a hook, or the signature is wrong; check the hook's address and secret")
}

func busy(message string) refusal {
	return refuseAs(http.StatusServiceUnavailable, fault.Unavailable, resultUnavailable, message)
}

// refuse writes the answer of an error that ended a request.
func (r *Receiver) refuse(err error, c echo.Context) {
	if c.Response().Committed {
		return
	}
	// Otherwise the server reads the whole body before it answers.
	_ = http.NewResponseController(c.Response()).EnableFullDuplex() // HTTP/2 always is
	refused := translate(err)
	if refused.status == http.StatusTooManyRequests || refused.status == http.StatusServiceUnavailable {
		c.Response().Header().Set(echo.HeaderRetryAfter, "10")
	}
	body := struct {
		Error string     `json:"error"`
		Code  fault.Code `json:"code"`
	}{refused.message, refused.code}
	if err := c.JSON(refused.status, body); err != nil {
		r.log.Debug("the sender left before the answer", "address", c.RealIP())
		return
	}
	drainBody(c)
}

// How many bytes of a refused body are read, and for how long.
const (
	leftover     = 2 << 20
	leftoverTime = 2 * time.Second
)

// drainBody sends the answer and then reads the rest of the body within bounds.
// A connection that is closed while its sender still writes is reset, and the
// answer is lost with it.
func drainBody(c echo.Context) {
	control := http.NewResponseController(c.Response())
	if control.Flush() != nil || control.SetReadDeadline(time.Now().Add(leftoverTime)) != nil {
		return
	}
	rest := http.MaxBytesReader(c.Response().Writer, c.Request().Body, leftover)
	_, _ = io.Copy(io.Discard, rest) // the answer is sent; nobody needs the rest
}

// translate returns the refusal for an error, those of echo's router included.
func translate(err error) refusal {
	var routed *echo.HTTPError
	if !errors.As(err, &routed) {
		return refusalOf(err)
	}
	switch routed.Code {
	case http.StatusNotFound:
		return refuseAs(routed.Code, fault.NotFound, resultMalformed, "there is nothing here; hooks are at /hooks/ORGANIZATION/PROJECT")
	case http.StatusMethodNotAllowed:
		return refuseAs(routed.Code, fault.Invalid, resultMalformed, "this method is not allowed here; hooks are sent by POST")
	}
	return refusalOf(err)
}
