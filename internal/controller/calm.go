package controller

import (
	"context"

	"sigs.k8s.io/controller-runtime/pkg/client"
)

// statusWrites is how many statuses are written at the same time. Many
// releases at once end with many statuses; they must not stand in the way of
// the objects that other releases still have to apply.
const statusWrites = 3

// calmClient is a client that writes few statuses at the same time.
type calmClient struct {
	client.Client
	slots chan struct{}
}

func newCalmClient(c client.Client) client.Client {
	return calmClient{Client: c, slots: make(chan struct{}, statusWrites)}
}

// Status implements client.Client.
func (c calmClient) Status() client.SubResourceWriter {
	return calmWriter{SubResourceWriter: c.Client.Status(), slots: c.slots}
}

type calmWriter struct {
	client.SubResourceWriter
	slots chan struct{}
}

// Patch implements client.SubResourceWriter.
func (w calmWriter) Patch(ctx context.Context, o client.Object, p client.Patch, options ...client.SubResourcePatchOption) error {
	select {
	case w.slots <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-w.slots }()
	return w.SubResourceWriter.Patch(ctx, o, p, options...)
}
