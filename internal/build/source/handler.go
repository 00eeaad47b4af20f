package source

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/fault"
)

// mediaType is what the stream is.
const mediaType = "application/x-tar"

// errTooLarge ends a stream that has grown beyond the limit.
var errTooLarge = fault.New(fault.Invalid, "the build context is larger than allowed; make it smaller, or raise the server's limit")

// Tar writes a context as a tar stream.
type Tar func(io.Writer) error

// Open finds the context that claims name. Errors carry a code.
type Open func(context.Context, Claims) (Tar, error)

// Handler serves contexts by GET with a bearer token. Once the stream has
// begun, it reports an error by breaking the connection (http.ErrAbortHandler),
// so that a truncated context can never pass for a whole one. It is safe for
// concurrent use.
type Handler struct {
	signer *Signer
	open   Open
	limits Limits
	slots  chan struct{}
}

// NewHandler returns a Handler. Zero limits mean the defaults.
func NewHandler(signer *Signer, open Open, limits Limits) *Handler {
	limits = limits.withDefaults()
	return &Handler{signer: signer, open: open, limits: limits, slots: make(chan struct{}, limits.Streams)}
}

// ServeHTTP streams the context that the request's token opens.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet {
		w.Header().Set("Allow", http.MethodGet)
		refuse(w, http.StatusMethodNotAllowed, "only GET is allowed here")
		return
	}
	claims, err := h.signer.Verify(bearer(r))
	if err != nil {
		w.Header().Set("WWW-Authenticate", "Bearer")
		refuse(w, http.StatusUnauthorized, fault.MessageOf(err))
		return
	}
	select {
	case h.slots <- struct{}{}:
		defer func() { <-h.slots }()
	default:
		w.Header().Set("Retry-After", "1")
		refuse(w, http.StatusServiceUnavailable, "too many contexts are being sent; try again")
		return
	}
	h.stream(w, r, claims)
}

func (h *Handler) stream(w http.ResponseWriter, r *http.Request, claims Claims) {
	write, err := h.open(r.Context(), claims)
	if err != nil {
		refuse(w, statusOf(err), fault.MessageOf(err))
		return
	}
	w.Header().Set("Content-Type", mediaType)
	w.Header().Set("Cache-Control", "no-store")
	out := &streamWriter{
		control: http.NewResponseController(w),
		next:    w,
		left:    h.limits.Bytes,
		stall:   h.limits.Stall,
	}
	err = write(out)
	switch {
	case err == nil:
	case out.begun:
		panic(http.ErrAbortHandler)
	default:
		refuse(w, statusOf(err), fault.MessageOf(err))
	}
}

// streamWriter bounds a stream and gives each write its own deadline, so that
// a long stream may go on and a stalled reader may not.
type streamWriter struct {
	control *http.ResponseController
	next    io.Writer
	left    int64
	stall   time.Duration
	begun   bool
}

// Write passes on p while the stream is within its limit.
func (s *streamWriter) Write(p []byte) (int, error) {
	if int64(len(p)) > s.left {
		return 0, errTooLarge
	}
	err := s.control.SetWriteDeadline(time.Now().Add(s.stall))
	if err != nil && !errors.Is(err, http.ErrNotSupported) {
		return 0, fault.Wrap(fault.Unavailable, err, "the build context could not be sent; try again")
	}
	s.begun = true
	n, err := s.next.Write(p)
	s.left -= int64(n)
	return n, fault.Wrap(fault.Unavailable, err, "the build context could not be sent; try again")
}

// bearer returns the request's token, or nothing.
func bearer(r *http.Request) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

func statusOf(err error) int {
	switch fault.CodeOf(err) {
	case fault.Invalid:
		return http.StatusUnprocessableEntity
	case fault.NotFound:
		return http.StatusNotFound
	case fault.Denied:
		return http.StatusForbidden
	case fault.Conflict:
		return http.StatusConflict
	case fault.Unavailable:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// refusal is the body of every answer that isn't a context.
type refusal struct {
	Error string `json:"error"`
}

func refuse(w http.ResponseWriter, status int, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	body, err := json.Marshal(refusal{Error: message})
	if err != nil {
		return
	}
	_, _ = w.Write(body) // the reader is gone if this fails
}
