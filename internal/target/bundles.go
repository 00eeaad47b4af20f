package target

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/events"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/bundle"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/kube"
	"github.com/slipway-dev/slipway/internal/naming"
	"github.com/slipway-dev/slipway/internal/printable"
	"github.com/slipway-dev/slipway/internal/release"
	"github.com/slipway-dev/slipway/internal/release/fingerprint"
	"github.com/slipway-dev/slipway/internal/release/runner"
)

const (
	// pushTimeout bounds one push of an artifact.
	pushTimeout = time.Minute
	// parallelPushes bounds how many artifacts are pushed at the same time.
	parallelPushes = 4
)

// Bundles keeps the manifests of releases, and pushes them to the registries
// of clusters that want it. It is safe for concurrent use. Close ends the
// pushes.
type Bundles struct {
	store        *bundle.Store
	fingerprints *fingerprints
	events       events.EventRecorder
	transport    http.RoundTripper // to registries
	log          *slog.Logger

	stop    context.Context //nolint:containedctx // ends the pushes, which outlive the releases that began them
	cancel  context.CancelFunc
	slots   *semaphore.Weighted
	pushing sync.WaitGroup
}

var _ runner.Bundles = (*Bundles)(nil)

// NewBundles returns what keeps bundles in a store and pushes them over a transport.
func NewBundles(store *bundle.Store, recorder events.EventRecorder, transport http.RoundTripper, log *slog.Logger) *Bundles {
	b := &Bundles{store: store, fingerprints: newFingerprints(maxFingerprints), events: recorder, transport: transport, log: log, slots: semaphore.NewWeighted(parallelPushes)}
	b.stop, b.cancel = context.WithCancel(context.Background())
	return b
}

// Close ends the pushes and waits for them.
func (b *Bundles) Close() {
	b.cancel()
	b.pushing.Wait()
}

// Put implements runner.Bundles.
func (b *Bundles) Put(ctx context.Context, o release.Inputs, manifests []byte, from *fingerprint.Fingerprint) (name, digest string, err error) {
	var encoded []byte
	if from != nil {
		if encoded, err = from.Encode(); err != nil {
			return "", "", err
		}
	}
	name, digest, err = b.store.Put(ctx, bundleStage(o.Stage), manifests, encoded)
	if err != nil {
		return "", "", err
	}
	b.fingerprints.keep(fingerprintKey{o.Stage.Namespace, name}, from)
	if o.Cluster.Spec.Bundles.Push {
		b.pushing.Go(func() { b.push(o, manifests) }) //nolint:contextcheck // it outlives the release and ends with the server
	}
	return name, digest, nil
}

// Fingerprint implements runner.Bundles. Those of the newest bundles are kept in
// memory, the others are read from the API server.
func (b *Bundles) Fingerprint(ctx context.Context, o release.Inputs, name string) (*fingerprint.Fingerprint, error) {
	key := fingerprintKey{o.Stage.Namespace, name}
	if known, found := b.fingerprints.get(key); found {
		return known, nil
	}
	encoded, err := b.store.Fingerprint(ctx, bundleStage(o.Stage), name)
	if err != nil {
		return nil, err
	}
	var from *fingerprint.Fingerprint
	if len(encoded) > 0 {
		if from, err = fingerprint.Decode(encoded); err != nil {
			return nil, fault.Wrap(fault.Internal, err, "what the bundle %s was made from is damaged", name)
		}
	}
	b.fingerprints.keep(key, from)
	return from, nil
}

// Get implements runner.Bundles.
func (b *Bundles) Get(ctx context.Context, o release.Inputs, name, digest string) ([]byte, error) {
	return b.store.Get(ctx, bundleStage(o.Stage), name, digest)
}

// push pushes one bundle and tells how it went on the Stage. The release goes
// on meanwhile.
func (b *Bundles) push(o release.Inputs, manifests []byte) {
	if b.slots.Acquire(b.stop, 1) != nil {
		return // the server stops
	}
	defer b.slots.Release(1)
	ctx, cancel := context.WithTimeout(b.stop, pushTimeout)
	defer cancel()
	request := o.Builds.Request
	address, err := bundle.Push(ctx, bundle.Place{
		Repository: request.Repository + "/bundles", Insecure: request.Insecure, Credentials: request.Credentials, Transport: b.transport,
	}, bundle.Origin{
		Stage: naming.LabelValue(o.Stage.Spec.Name), Commit: o.Release.Spec.Head.Commit, Source: sourceOf(o.Project),
	}, manifests)
	log := b.log.With("organization", o.Organization, "project", o.Project.Name, "stage", o.Stage.Spec.Name, "release", o.Release.Name)
	if err != nil {
		log.Warn("push bundle", "error", err)
		b.events.Eventf(o.Stage, o.Release, corev1.EventTypeWarning, "BundleNotPushed", "Push", "%s", printable.Passage(kube.Sentence(err)+"; the release is not affected", 1024))
		return
	}
	log.Info("bundle pushed", "address", address)
	b.events.Eventf(o.Stage, o.Release, corev1.EventTypeNormal, "BundlePushed", "Push", "the bundle of release %s is %s", o.Release.Name, address)
}

// sourceOf returns the URL of a project's primary repository.
func sourceOf(p *v1alpha1.Project) string {
	if len(p.Spec.Repositories) == 0 {
		return ""
	}
	return p.Primary().URL
}

func bundleStage(stage *v1alpha1.Stage) bundle.Stage {
	return bundle.Stage{Namespace: stage.Namespace, Object: stage.Name, Labels: stage.Labels}
}
