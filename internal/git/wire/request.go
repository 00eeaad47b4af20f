package wire

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/pktline"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/sideband"
)

// responseHeadBytes bounds what precedes a pack: shallow boundaries and
// acknowledgements, with room for 80,000 of them.
const responseHeadBytes = 4 << 20

// Request names the objects that a client asks for. Shallow boundaries are sent
// even with depth 0: a server that doesn't know them assumes that the client
// has the whole history of a rewound ref.
type Request struct {
	Wants    []plumbing.Hash
	Haves    []plumbing.Hash // commits that the server can build upon
	Shallows []plumbing.Hash // commits whose parents the client doesn't have
	Depth    int             // commits of history; 0: everything that is missing
	Max      int64           // bytes of the pack
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
	resp, err := s.Pack(ctx, req, r.Max)
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

// decodePack reads a response up to where the pack begins. The response then
// gives no more than a pack of max bytes needs; it closes the body.
func decodePack(body io.ReadCloser, req *packp.UploadPackRequest, max int64) (*packp.UploadPackResponse, error) {
	bounded := &boundedBody{boundedReader{r: body, left: responseHeadBytes}, body}
	resp := packp.NewUploadPackResponse(req)
	if err := resp.Decode(bounded); err != nil {
		_ = body.Close()
		return nil, fmt.Errorf("read the answer to a pack request: %w", err)
	}
	bounded.left = framedBytes(max)
	return resp, nil
}

// boundedBody is a bounded reader that closes what it reads from.
type boundedBody struct {
	boundedReader
	io.Closer
}

// framedBytes is what a server may send to give a pack of max bytes: the pack in
// frames of a sideband, and some words about its progress.
func framedBytes(max int64) int64 { return max + max/16 + 1<<20 }

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
