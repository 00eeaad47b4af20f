package git

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/pktline"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/sideband"
	"github.com/go-git/go-git/v5/plumbing/transport"
)

// advertisementBytes bounds a server's list of refs: room for 500,000 of them.
const advertisementBytes = 64 << 20

// errTooLarge stops a body that outgrows its limit.
var errTooLarge = errors.New("the server sends more than the limit")

// errStalled stops a server that has gone silent.
var errStalled = errors.New("the server stopped sending")

// session talks to one remote's upload-pack. It is used by one goroutine.
type session interface {
	// refs asks for the remote's refs. An empty repository gives an
	// advertisement without references.
	refs(ctx context.Context) (*packp.AdvRefs, error)
	// pack asks for objects, after refs. The caller closes the response.
	pack(ctx context.Context, req *packp.UploadPackRequest) (*packp.UploadPackResponse, error)
	// close ends the session and its connection.
	close()
}

// request names the objects that a client asks for. Shallow boundaries are sent
// even with depth 0: a server that doesn't know them assumes that the client
// has the whole history of a rewound ref.
type request struct {
	wants    []plumbing.Hash
	haves    []plumbing.Hash // commits that the server can build upon
	shallows []plumbing.Hash // commits whose parents the client doesn't have
	depth    int             // commits of history; 0: everything that is missing
}

// pack is the answer to a request. The caller closes it.
type incoming struct {
	io.Reader                  // the pack, without progress messages
	shallows   []plumbing.Hash // new shallow boundaries
	unshallows []plumbing.Hash // boundaries that are none any more
	body       io.Closer
}

// Close ends the transfer.
func (p *incoming) Close() error { return p.body.Close() }

// requestPack sends a request in a session whose refs were listed.
func requestPack(ctx context.Context, s session, l *listing, r request) (*incoming, error) {
	req, err := encodable(l.caps, r)
	if err != nil {
		return nil, err
	}
	resp, err := s.pack(ctx, req)
	if err != nil {
		return nil, err
	}
	return &incoming{Reader: packStream(req, resp), shallows: resp.Shallows, unshallows: resp.Unshallows, body: resp}, nil
}

// encodable gives a request the form that go-git encodes.
func encodable(caps *capability.List, r request) (*packp.UploadPackRequest, error) {
	req := packp.NewUploadPackRequestFromCapabilities(caps)
	req.Wants, req.Haves, req.Shallows, req.Depth = slices.Clone(r.wants), r.haves, slices.Clone(r.shallows), packp.DepthCommits(r.depth)
	optional := []capability.Capability{capability.NoProgress}
	if r.depth > 0 || len(r.shallows) > 0 {
		optional = append(optional, capability.Shallow)
	}
	for _, c := range optional {
		if !caps.Supports(c) {
			continue
		}
		if err := req.Capabilities.Set(c); err != nil {
			return nil, fmt.Errorf("set capability %s: %w", c, err)
		}
	}
	if err := req.Validate(); err != nil {
		return nil, fmt.Errorf("ask for a pack: %w", err)
	}
	return req, nil
}

// encodeRequest writes a request as a client that doesn't negotiate: all haves
// at once, then done. Over a stateful connection a flush follows the haves.
func encodeRequest(req *packp.UploadPackRequest, stateful bool) (*bytes.Buffer, error) {
	var b bytes.Buffer
	if err := req.UploadRequest.Encode(&b); err != nil {
		return nil, fmt.Errorf("encode wants: %w", err)
	}
	if err := req.UploadHaves.Encode(&b, stateful); err != nil {
		return nil, fmt.Errorf("encode haves: %w", err)
	}
	if err := pktline.NewEncoder(&b).EncodeString("done\n"); err != nil {
		return nil, fmt.Errorf("encode done: %w", err)
	}
	return &b, nil
}

// decodeRefs reads an advertisement.
func decodeRefs(r io.Reader) (*packp.AdvRefs, error) {
	adv := packp.NewAdvRefs()
	err := adv.Decode(r)
	if err != nil && !errors.Is(err, packp.ErrEmptyAdvRefs) {
		return nil, fmt.Errorf("read the list of refs: %w", err)
	}
	transport.FilterUnsupportedCapabilities(adv.Capabilities)
	return adv, nil
}

// decodePack reads a response up to where the pack begins.
func decodePack(body io.ReadCloser, req *packp.UploadPackRequest) (*packp.UploadPackResponse, error) {
	resp := packp.NewUploadPackResponse(req)
	if err := resp.Decode(body); err != nil {
		_ = body.Close()
		return nil, fmt.Errorf("read the answer to a pack request: %w", err)
	}
	return resp, nil
}

// packStream returns the pack inside a response, without progress messages.
func packStream(req *packp.UploadPackRequest, resp io.Reader) io.Reader {
	switch {
	case req.Capabilities.Supports(capability.Sideband64k):
		return sideband.NewDemuxer(sideband.Sideband64k, resp)
	case req.Capabilities.Supports(capability.Sideband):
		return sideband.NewDemuxer(sideband.Sideband, resp)
	}
	return resp
}

// boundedReader fails with errTooLarge after max bytes.
type boundedReader struct {
	r    io.Reader
	left int64
}

func (b *boundedReader) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, b.atLimit()
	}
	if int64(len(p)) > b.left {
		p = p[:b.left]
	}
	n, err := b.r.Read(p)
	b.left -= int64(n)
	return n, err
}

// atLimit tells a body that ends exactly at the limit from a longer one.
func (b *boundedReader) atLimit() error {
	var one [1]byte
	n, err := b.r.Read(one[:])
	if n > 0 {
		return errTooLarge
	}
	return err
}

// watchdog cancels a context when nothing was read for a while.
type watchdog struct {
	io.ReadCloser
	idle   time.Duration
	timer  *time.Timer
	cancel context.CancelCauseFunc
	once   sync.Once
}

// watch wraps a body whose context is cancelled by cancel after idle silence.
func watch(body io.ReadCloser, idle time.Duration, cancel context.CancelCauseFunc) *watchdog {
	return &watchdog{
		ReadCloser: body,
		idle:       idle,
		timer:      time.AfterFunc(idle, func() { cancel(errStalled) }),
		cancel:     cancel,
	}
}

func (w *watchdog) Read(p []byte) (int, error) {
	n, err := w.ReadCloser.Read(p)
	w.timer.Reset(w.idle)
	return n, err
}

// Close ends the watch, the body and its context.
func (w *watchdog) Close() error {
	var err error
	w.once.Do(func() {
		w.timer.Stop()
		err = w.ReadCloser.Close()
		w.cancel(nil)
	})
	return err
}
