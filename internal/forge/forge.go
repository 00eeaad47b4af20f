package forge

import (
	"bytes"
	"context"
	"crypto/sha256"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/lru"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/dial"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/kube"
	"github.com/slipway-dev/slipway/internal/scm"
)

// NewReporter makes the reporter of a repository's forge.
type NewReporter func(access scm.Access) (scm.Reporter, error)

const (
	// maxForgeClients bounds the clients that are kept.
	maxForgeClients = 1024
	// parallelCalls bounds the calls under way with one credential, so that a
	// slow forge holds up nobody but its own projects.
	parallelCalls = 4
)

// Forges speaks with the forges of projects' repositories. It keeps one client
// per credentials, because a client remembers how long the forge asked it to
// wait. It is safe for concurrent use.
type Forges struct {
	kinds     map[string]NewReporter
	secrets   *kube.Secrets
	allowHTTP bool
	dialer    *dial.Dialer
	transport http.RoundTripper // to forges whose certificates the system trusts
	now       func() time.Time

	mu   sync.Mutex // held while a client is made, so that it is made once
	kept *lru.Cache // forgeKey → *Client
}

// forgeKey tells clients apart without holding their credentials.
type forgeKey struct {
	kind, api   string
	credentials [sha256.Size]byte
	authority   [sha256.Size]byte
}

// Client is a reporter, which may also be a scm.Deployer, scm.Annotator,
// scm.Reader, scm.Hooks or scm.Lender, with slots for calls under way.
type Client struct {
	scm.Reporter
	slots *semaphore.Weighted
}

// NewClient returns a reporter with free slots.
func NewClient(reporter scm.Reporter) *Client {
	return &Client{Reporter: reporter, slots: semaphore.NewWeighted(parallelCalls)}
}

// NewForges returns the forges of the given kinds, which a dialer connects to.
func NewForges(kinds map[string]NewReporter, secrets *kube.Secrets, allowHTTP bool, dialer *dial.Dialer, now func() time.Time) *Forges {
	return &Forges{kinds: kinds, secrets: secrets, allowHTTP: allowHTTP, dialer: dialer, transport: scm.Bounded(dialer.Transport()), now: now, kept: lru.New(maxForgeClients)}
}

// Client returns the client of a repository; nil when the project gives
// nothing to speak with its forge, only to fetch.
func (f *Forges) Client(ctx context.Context, p *v1alpha1.Project, repository v1alpha1.Repository) (*Client, error) {
	if repository.Credentials == nil {
		return nil, nil
	}
	data, err := f.secrets.Data(ctx, types.NamespacedName{Namespace: p.Namespace, Name: repository.Credentials.Name})
	if err != nil {
		return nil, err
	}
	authority, err := f.secrets.Authority(ctx, p.Namespace, repository.CA)
	if err != nil {
		return nil, err
	}
	return f.Of(repository, data, authority)
}

// Of returns the client for the data of a repository's Secret, and the forge's own
// certificate authority in PEM, if it has one.
func (f *Forges) Of(repository v1alpha1.Repository, data map[string][]byte, authority []byte) (*Client, error) {
	if len(data["token"]) == 0 && len(data["private-key"]) == 0 {
		if len(data["ssh-privatekey"]) > 0 {
			return nil, nil
		}
		return nil, fault.New(fault.Denied, "Secret %s has neither a token nor a GitHub App for %s; add one", repository.Credentials.Name, repository.Path)
	}
	key := keyOf(repository, data, authority)
	f.mu.Lock()
	defer f.mu.Unlock()
	if known, found := f.kept.Get(key); found {
		return known.(*Client), nil
	}
	made, err := f.make(repository, data, authority)
	if err != nil {
		return nil, err
	}
	f.kept.Add(key, made)
	return made, nil
}

func (f *Forges) make(repository v1alpha1.Repository, data map[string][]byte, authority []byte) (*Client, error) {
	create, known := f.kinds[repository.Forge]
	if !known {
		return nil, fault.New(fault.Invalid, "forge %q of repository %s is not known", repository.Forge, repository.Name)
	}
	transport := f.transport
	if len(authority) > 0 {
		trusting, err := f.dialer.Trusting(authority)
		if err != nil {
			return nil, err
		}
		transport = scm.Bounded(trusting.Transport())
	}
	access, err := scm.Access{API: repository.API, AllowHTTP: f.allowHTTP, Transport: transport, Now: f.now}.With(data)
	if err != nil {
		return nil, err
	}
	reporter, err := create(access)
	if err != nil {
		return nil, err
	}
	return NewClient(reporter), nil
}

// keyOf identifies a client.
func keyOf(repository v1alpha1.Repository, data map[string][]byte, authority []byte) forgeKey {
	var all bytes.Buffer
	for _, name := range []string{"token", "app-id", "installation-id", "private-key"} {
		sum := sha256.Sum256(data[name])
		all.Write(sum[:])
	}
	return forgeKey{kind: repository.Forge, api: repository.API, credentials: sha256.Sum256(all.Bytes()), authority: sha256.Sum256(authority)}
}

// Enter takes a slot for calls; Leave gives it back. It returns false when all
// are taken: come back later instead of waiting.
func (c *Client) Enter() bool { return c.slots.TryAcquire(1) }

// Leave gives a slot back.
func (c *Client) Leave() { c.slots.Release(1) }

// Reader returns the client as a reader.
func (c *Client) Reader() (scm.Reader, bool) {
	reader, reads := c.Reporter.(scm.Reader)
	return reader, reads
}

// RetryAfter returns how a reconciler tries again after an error that is worth it:
// when the forge says, else at its queue's pace.
func RetryAfter(err error) (ctrl.Result, error) {
	if wait, limited := scm.RetryAfter(err); limited {
		return ctrl.Result{RequeueAfter: wait}, nil
	}
	return ctrl.Result{}, err
}
