package controller

import (
	"context"

	"sigs.k8s.io/controller-runtime/pkg/client"
)

// statusWrites is how many statuses are written at the same time. Many
// releases at once end with many statuses; they must not stand in the way of
// the objects that other releases still have to apply.
const statusWrites = 3

// calmClient is a client that writes few statuses at the same time, and those
// after the objects of the releases that are on their way.
type calmClient struct {
	client.Client
	rush  *Rush
	slots chan struct{}
}

func newCalmClient(c client.Client, rush *Rush) client.Client {
	return calmClient{Client: c, rush: rush, slots: make(chan struct{}, statusWrites)}
}

// Status implements client.Client.
func (c calmClient) Status() client.SubResourceWriter {
	return calmWriter{SubResourceWriter: c.Client.Status(), rush: c.rush, slots: c.slots}
}

type calmWriter struct {
	client.SubResourceWriter
	rush  *Rush
	slots chan struct{}
}

// Patch implements client.SubResourceWriter.
func (w calmWriter) Patch(ctx context.Context, o client.Object, p client.Patch, options ...client.SubResourcePatchOption) error {
	if err := w.rush.Wait(ctx); err != nil {
		return err
	}
	select {
	case w.slots <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-w.slots }()
	return w.SubResourceWriter.Patch(ctx, o, p, options...)
}
