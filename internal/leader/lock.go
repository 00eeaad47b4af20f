package leader

import (
	"context"
	"fmt"
	"os"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/util/uuid"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

// The times of an election. A replica that doesn't hear from the leader for
// LeaseDuration leads itself; a leader that can't renew its lease for RenewDeadline
// ends.
const (
	LeaseDuration = 15 * time.Second
	RenewDeadline = 10 * time.Second
	RetryPeriod   = 2 * time.Second
)

// Lock is the Lease that replicas elect their leader by, and knows how long nobody
// else can hold it. It is safe for concurrent use.
type Lock struct {
	resourcelock.Interface

	now func() time.Time

	mu    sync.Mutex
	until time.Time // when another replica may take the lease
}

// NewLock returns the lock of a Lease, held under a name of this process.
func NewLock(config *rest.Config, namespace, name string) (*Lock, error) {
	host, err := os.Hostname()
	if err != nil {
		return nil, fmt.Errorf("find this replica's name: %w", err)
	}
	identity := resourcelock.ResourceLockConfig{Identity: host + "_" + string(uuid.NewUUID())}
	lease, err := resourcelock.NewFromKubeconfig(resourcelock.LeasesResourceLock, namespace, name, identity, config, RenewDeadline)
	if err != nil {
		return nil, fmt.Errorf("use the lease %s/%s: %w", namespace, name, err)
	}
	return &Lock{Interface: lease, now: time.Now}, nil
}

// Create implements resourcelock.Interface.
func (l *Lock) Create(ctx context.Context, record resourcelock.LeaderElectionRecord) error {
	return l.written(record, func() error { return l.Interface.Create(ctx, record) })
}

// Update implements resourcelock.Interface.
func (l *Lock) Update(ctx context.Context, record resourcelock.LeaderElectionRecord) error {
	return l.written(record, func() error { return l.Interface.Update(ctx, record) })
}

// written writes a record of the lease. Others count its duration from when they see
// it, so nobody takes the lease within the duration from before it was sent.
func (l *Lock) written(record resourcelock.LeaderElectionRecord, write func() error) error {
	mine, sent := record.HolderIdentity == l.Identity(), l.now()
	if !mine { // it is given back
		l.hold(time.Time{})
	}
	err := write()
	if err == nil && mine {
		l.hold(sent.Add(time.Duration(record.LeaseDurationSeconds) * time.Second))
	}
	return err
}

func (l *Lock) hold(until time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.until = until
}

// left returns for how long nobody else can lead; nothing when this replica doesn't.
func (l *Lock) left() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.until.Sub(l.now())
}
