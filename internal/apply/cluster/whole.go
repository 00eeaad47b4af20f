package cluster

import (
	"bytes"
	"context"
	"encoding/json"

	"github.com/slipway-dev/slipway/internal/apply/inventory"
	"github.com/slipway-dev/slipway/internal/fault"
)

// maxWhole bounds the answer to a read of one object, in bytes.
const maxWhole = 4 << 20

// Whole reads all of an object.
func (c *Client) Whole(ctx context.Context, ref inventory.Ref) (map[string]any, error) {
	path, err := c.path(ctx, ref)
	if err != nil {
		return nil, err
	}
	if err := c.cluster.limiter.acquire(ctx); err != nil {
		return nil, err
	}
	defer c.cluster.limiter.release()
	body, err := c.rest.Get().AbsPath(path...).SetHeader("Accept", "application/json").Do(ctx).Raw()
	if err != nil {
		return nil, err
	}
	if len(body) > maxWhole {
		return nil, fault.New(fault.Invalid, "%s is %d MiB, too large to compare", ref, len(body)>>20)
	}
	object := map[string]any{}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	if err := decoder.Decode(&object); err != nil {
		return nil, fault.New(fault.Unavailable, "the cluster's answer about %s is no object", ref) // its words could quote a Secret
	}
	return object, nil
}
