package webhook

import (
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/slipway-dev/slipway/internal/fault"
)

// answer is what a believed sender reads.
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

// refusalOf returns the refusal in err; an error that has none is our mistake.
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

// unbelieved is the one answer to everything that isn't signed: an unknown
// project, a wrong signature, a forge that the project doesn't use.
func unbelieved() refusal {
	return refuseAs(http.StatusUnauthorized, fault.Denied, resultUnbelieved, "no project here has such a hook, or the signature is wrong; check the hook's address and secret")
}

func busy(message string) refusal {
	return refuseAs(http.StatusServiceUnavailable, fault.Unavailable, resultUnavailable, message)
}

// refuse writes the answer of an error that ended a request.
func (d *Receiver) refuse(err error, c echo.Context) {
	if c.Response().Committed {
		return
	}
	// Otherwise the server itself reads before it answers.
	_ = http.NewResponseController(c.Response()).EnableFullDuplex() // HTTP/2 always is
	r := translate(err)
	if r.status == http.StatusTooManyRequests || r.status == http.StatusServiceUnavailable {
		c.Response().Header().Set(echo.HeaderRetryAfter, "10")
	}
	body := struct {
		Error string     `json:"error"`
		Code  fault.Code `json:"code"`
	}{r.message, r.code}
	if err := c.JSON(r.status, body); err != nil {
		d.log.Debug("the sender left before the answer", "address", c.RealIP())
		return
	}
	drainBody(c)
}

// What is read, and for how long, of a body that is refused before its end.
const (
	leftover     = 2 << 20
	leftoverTime = 2 * time.Second
)

// drainBody sends the answer and then reads on within bounds, because a
// connection that is closed while its sender still writes is reset, and the
// answer lost with it. A sender of more than that is given a moment to read.
func drainBody(c echo.Context) {
	control := http.NewResponseController(c.Response())
	if control.Flush() != nil || control.SetReadDeadline(time.Now().Add(leftoverTime)) != nil {
		return
	}
	rest := http.MaxBytesReader(c.Response().Writer, c.Request().Body, leftover)
	_, _ = io.Copy(io.Discard, rest) // the answer is given; what follows is nobody's
}

// translate returns the refusal in err, or the one for an error of echo's own
// router.
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
