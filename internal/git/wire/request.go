package wire

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/pktline"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/sideband"
	"github.com/go-git/go-git/v5/plumbing/transport"
)

// advertisementBytes bounds a server's list of refs: room for 500,000 of them.
const advertisementBytes = 64 << 20

// Request names the objects that a client asks for. Shallow boundaries are sent
// even with depth 0: a server that doesn't know them assumes that the client
// has the whole history of a rewound ref.
type Request struct {
	Wants    []plumbing.Hash
	Haves    []plumbing.Hash // commits that the server can build upon
	Shallows []plumbing.Hash // commits whose parents the client doesn't have
	Depth    int             // commits of history; 0: everything that is missing
}

// Pack is the answer to a request. The caller closes it.
type Pack struct {
	io.Reader                  // the pack, without progress messages
	Shallows   []plumbing.Hash // new shallow boundaries
	Unshallows []plumbing.Hash // boundaries that are none any more
	body       io.Closer
}

// Close ends the transfer.
func (p *Pack) Close() error { return p.body.Close() }

// FetchPack sends a request in a session whose refs were listed.
func FetchPack(ctx context.Context, s Session, l *Listing, r Request) (*Pack, error) {
	req, err := encodable(l.caps, r)
	if err != nil {
		return nil, err
	}
	resp, err := s.Pack(ctx, req)
	if err != nil {
		return nil, err
	}
	return &Pack{Reader: packStream(req, resp), Shallows: resp.Shallows, Unshallows: resp.Unshallows, body: resp}, nil
}

// encodable gives a request the form that go-git encodes.
func encodable(caps *capability.List, r Request) (*packp.UploadPackRequest, error) {
	req := packp.NewUploadPackRequestFromCapabilities(caps)
	req.Wants, req.Haves, req.Shallows, req.Depth = slices.Clone(r.Wants), r.Haves, slices.Clone(r.Shallows), packp.DepthCommits(r.Depth)
	optional := []capability.Capability{capability.NoProgress}
	if r.Depth > 0 || len(r.Shallows) > 0 {
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
