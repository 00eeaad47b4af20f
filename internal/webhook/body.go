package webhook

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/slipway-dev/slipway/internal/fault"
)

// checkHead refuses requests whose headers already rule them out, before a byte
// of the body is read.
func checkHead(r *http.Request, maxBody int64) error {
	kind, parameters, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	charset := parameters["charset"]
	switch {
	case len(r.Header.Values("Content-Type")) != 1 || err != nil || kind != echo.MIMEApplicationJSON || charset != "" && !strings.EqualFold(charset, "utf-8"):
		return refuseAs(http.StatusUnsupportedMediaType, fault.Invalid, resultMalformed, "the content type must be application/json; set it so in the hook's settings")
	case len(r.Header.Values("Content-Encoding")) > 0:
		return refuseAs(http.StatusUnsupportedMediaType, fault.Invalid, resultMalformed, "an encoded body is refused; send it without Content-Encoding")
	case r.ContentLength > maxBody:
		return tooLarge()
	}
	return nil
}

func tooLarge() error {
	return refuseAs(http.StatusRequestEntityTooLarge, fault.Invalid, resultTooLarge, "the body is larger than any delivery of this forge; send less")
}

// firstRead is how much is read before more is taken from the memory budget. It is
// little, so that senders that never send can't use the budget up.
const firstRead = 4 << 10

// read returns the whole body, of at most maxBody bytes. The caller calls release
// when the body is no longer needed, also after an error.
func (r *Receiver) read(c echo.Context, maxBody int64) (body []byte, release func(), err error) {
	var held int64
	release = func() { r.memory.give(held) }
	deadline := time.Now().Add(r.limits.Read) // the connection's clock
	if err := http.NewResponseController(c.Response()).SetReadDeadline(deadline); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return nil, release, refuseAs(http.StatusInternalServerError, fault.Internal, resultInternal, "the body can't be read")
	}
	source := http.MaxBytesReader(c.Response().Writer, c.Request().Body, maxBody)
	var buffer bytes.Buffer
	for chunk := int64(firstRead); ; chunk = int64(buffer.Len()) { // doubling, as the buffer does
		if !r.memory.take(chunk) {
			return nil, release, busy("too many deliveries at once; send it again later")
		}
		held += chunk
		if announced := c.Request().ContentLength - int64(buffer.Len()); announced > 0 {
			buffer.Grow(int(min(announced, chunk)) + bytes.MinRead)
		}
		_, err := io.CopyN(&buffer, source, chunk)
		if errors.Is(err, io.EOF) {
			return buffer.Bytes(), release, nil
		}
		if err != nil {
			return nil, release, unread(err)
		}
	}
}

func unread(err error) error {
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return tooLarge()
	case errors.Is(err, os.ErrDeadlineExceeded):
		return refuseAs(http.StatusRequestTimeout, fault.Invalid, resultMalformed, "the body took too long; send it faster")
	}
	return refuseAs(http.StatusBadRequest, fault.Invalid, resultMalformed, "the body ended too early; send it again")
}
