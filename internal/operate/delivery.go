package operate

import (
	"context"
	"slices"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/naming"
)

// replayPoll is how often a replayed delivery is looked at.
const replayPoll = 200 * time.Millisecond

// Deliveries lists webhook deliveries and has them handled again, with the
// rights of the client.
type Deliveries struct {
	Client client.Client
}

// List returns a project's deliveries, newest first, in one organization's
// namespace or in all that the client may see.
func (d Deliveries) List(ctx context.Context, namespace, project string) ([]v1alpha1.Delivery, error) {
	var all v1alpha1.DeliveryList
	if err := List(ctx, d.Client, &all, namespace, client.MatchingLabels{naming.LabelProject: naming.LabelValue(project)}); err != nil {
		return nil, err
	}
	found := slices.DeleteFunc(all.Items, func(one v1alpha1.Delivery) bool { return one.Spec.Project != project })
	slices.SortStableFunc(found, func(a, b v1alpha1.Delivery) int { return b.Spec.Received.Compare(a.Spec.Received.Time) })
	for i := range found {
		found[i].ManagedFields = nil
	}
	return found, nil
}

// Find returns a delivery by its name or by the forge's own id of it.
func (d Deliveries) Find(ctx context.Context, namespace, project, name string) (*v1alpha1.Delivery, error) {
	all, err := d.List(ctx, namespace, project)
	if err != nil {
		return nil, err
	}
	var found []*v1alpha1.Delivery
	for i := range all {
		if all[i].Name == name || all[i].Spec.ID == name {
			found = append(found, &all[i])
		}
	}
	switch len(found) {
	case 0:
		return nil, fault.New(fault.NotFound, "project %s has no delivery %.80q; `slipway deliveries list %s` lists those that are kept", project, name, project)
	case 1:
		return found[0], nil
	}
	return nil, fault.New(fault.Invalid, "%d deliveries of project %s have the id %.80q; give the name of one", len(found), project, name)
}

// Replay asks for a delivery to be handled again. People may not write its
// status and can't change what the forge sent: they leave a mark, and the
// server handles a delivery whose mark it has not seen yet.
func (d Deliveries) Replay(ctx context.Context, one *v1alpha1.Delivery) (*v1alpha1.Delivery, error) {
	after := one.DeepCopy()
	if after.Annotations == nil {
		after.Annotations = map[string]string{}
	}
	after.Annotations[v1alpha1.AnnotationReplay] = time.Now().UTC().Format(time.RFC3339Nano)
	if err := d.Client.Patch(ctx, after, client.MergeFrom(one)); err != nil {
		return nil, Explain(err, "replay delivery %s", one.Name)
	}
	return after, nil
}

// AwaitReplay waits until the server handled the delivery again, and returns it
// as it is then. Unattended is called once, by another goroutine, when no server
// takes it up for a while.
func (d Deliveries) AwaitReplay(ctx context.Context, replayed *v1alpha1.Delivery, unattended func()) (*v1alpha1.Delivery, error) {
	hint := time.AfterFunc(unattendedLimit, unattended)
	defer hint.Stop()
	for {
		var now v1alpha1.Delivery
		if err := d.Client.Get(ctx, client.ObjectKeyFromObject(replayed), &now); err != nil {
			return nil, Explain(err, "read delivery %s", replayed.Name)
		}
		if WasReplayed(&now, replayed) {
			now.ManagedFields = nil
			return &now, nil
		}
		select {
		case <-ctx.Done():
			return nil, fault.New(fault.Unavailable, "stopped waiting; delivery %s is handled when its project is synced, see `slipway deliveries show %s %s`", replayed.Name, replayed.Spec.Project, replayed.Name)
		case <-time.After(replayPoll):
		}
	}
}

// WasReplayed reports whether the server handled a delivery since Replay
// returned it.
func WasReplayed(now, replayed *v1alpha1.Delivery) bool {
	return now.Status.Replayed == replayed.ReplayMark()
}
