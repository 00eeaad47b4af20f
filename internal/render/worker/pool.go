package worker

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"runtime"
	"sync"
	"time"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/render"
)

// Limits bound one render in a child.
type Limits struct {
	// Time is the wall time of a render, CPU its processor time.
	Time time.Duration
	CPU  time.Duration
	// Memory is what a child may occupy, in bytes.
	Memory int64
	// Output is the size of the manifests, in bytes.
	Output int64
	// Renders is how many one child does before another takes its place.
	Renders int
	// Input bounds what is read of the repository.
	Input render.Limits
}

// DefaultLimits returns limits that real repositories stay far below.
func DefaultLimits() Limits {
	return Limits{
		Time:    30 * time.Second,
		CPU:     10 * time.Second,
		Memory:  512 << 20,
		Output:  16 << 20,
		Renders: 200,
		Input:   render.DefaultLimits(),
	}
}

// Options say how children are started.
type Options struct {
	// Executable is this program; Arguments make it call Main.
	Executable string
	Arguments  []string
	// Size is how many children render at once; 0 means one per processor.
	Size int
	// Limits are DefaultLimits when they are zero.
	Limits Limits
	// Idle is how long an unused child is kept; 0 means ten minutes.
	Idle time.Duration
}

// Pool renders in children. It is safe for concurrent use. Whoever made it
// calls Close, so that no process remains.
type Pool struct {
	options Options
	slots   chan struct{} // one per child that may render

	ctx    context.Context // ends when the pool is closed
	cancel context.CancelFunc
	group  sync.WaitGroup // of children that are being started

	mu       sync.Mutex
	idle     []*child
	children map[*child]bool // every process that may still be there
	closed   bool
	reaper   *time.Timer
}

var errClosed = errors.New("the pool of render workers is closed")

// New starts a pool with one warm child, which proves that children can be
// confined here.
func New(ctx context.Context, options Options) (*Pool, error) {
	if options.Size <= 0 {
		options.Size = runtime.NumCPU()
	}
	if options.Limits == (Limits{}) {
		options.Limits = DefaultLimits()
	}
	if options.Idle <= 0 {
		options.Idle = 10 * time.Minute
	}
	if len(options.Arguments) == 0 {
		options.Arguments = []string{"render-worker"}
	}
	first, err := start(ctx, options)
	if err != nil {
		return nil, err
	}
	p := &Pool{options: options, slots: make(chan struct{}, options.Size), children: map[*child]bool{first: true}}
	p.ctx, p.cancel = context.WithCancel(context.WithoutCancel(ctx))
	p.put(first)
	return p, nil
}

// Render collects and renders the request in a child. Errors of the request
// have the code Invalid; a child that dies or exceeds a limit fails only the
// render that it was doing.
func (p *Pool) Render(ctx context.Context, fsys fs.FS, req render.Request) (render.Result, error) {
	select {
	case p.slots <- struct{}{}:
		defer func() { <-p.slots }()
	case <-ctx.Done():
		return render.Result{}, fmt.Errorf("wait for a render worker: %w", ctx.Err())
	}
	c, err := p.take(ctx)
	if err != nil {
		return render.Result{}, err
	}
	result, err := c.render(ctx, fsys, req)
	if c.usable() {
		p.put(c)
	} else {
		c.stop()
		p.replace()
	}
	if err != nil && p.ctx.Err() != nil {
		return render.Result{}, errClosed
	}
	return result, err
}

// replace starts a child in place of one that is used up, so that the next
// render need not wait for it. When that fails, the next render tries again
// and says why.
func (p *Pool) replace() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	p.group.Go(func() {
		if c, err := p.start(p.ctx); err == nil {
			p.put(c)
		}
	})
}

// start starts a child, unless the pool is closed in the meantime. Its caller
// has added to the group.
func (p *Pool) start(ctx context.Context) (*child, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(p.ctx, cancel)() //nolint:contextcheck // what ends the pool ends this too
	c, err := start(ctx, p.options)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	maps.DeleteFunc(p.children, func(c *child, _ bool) bool { return !c.alive() })
	p.children[c] = true
	if p.closed {
		c.stop()
		return nil, errClosed
	}
	return c, nil
}

// take returns an idle child, or a new one.
func (p *Pool) take(ctx context.Context) (*child, error) {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil, errClosed
	}
	for len(p.idle) > 0 {
		newest := len(p.idle) - 1
		c := p.idle[newest]
		p.idle = p.idle[:newest]
		if c.alive() {
			p.mu.Unlock()
			return c, nil
		}
		c.stop()
	}
	p.group.Add(1)
	p.mu.Unlock()
	defer p.group.Done()
	c, err := p.start(ctx)
	if p.ctx.Err() != nil {
		return nil, errClosed
	}
	if err != nil && fault.CodeOf(err) == fault.Internal {
		return nil, fault.Wrap(fault.Unavailable, err, "no render worker could be started; it is tried again")
	}
	return c, err
}

// put keeps a child for the next render.
func (p *Pool) put(c *child) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || len(p.idle) >= p.options.Size {
		c.stop()
		return
	}
	c.since = time.Now()
	p.idle = append(p.idle, c)
	if p.reaper == nil {
		p.reaper = time.AfterFunc(p.options.Idle, p.reap)
	}
}

// reap stops children that nobody used for a while, but for one: pushes may be
// rare, and none should wait until a child has parsed Kustomize's schemas.
func (p *Pool) reap() {
	p.mu.Lock()
	defer p.mu.Unlock()
	var kept []*child
	for at, c := range p.idle {
		if only := at == len(p.idle)-1 && len(kept) == 0; !only && time.Since(c.since) >= p.options.Idle {
			c.stop()
			continue
		}
		kept = append(kept, c)
	}
	p.idle, p.reaper = kept, nil
	if len(kept) > 1 && !p.closed {
		p.reaper = time.AfterFunc(p.options.Idle, p.reap)
	}
}

// Close kills all children, also those at work, and returns when no process of
// them remains. A render that it interrupts fails, and so does every later one.
func (p *Pool) Close() {
	p.cancel()
	p.kill()
	p.group.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.children {
		<-c.done
	}
}

func (p *Pool) kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	if p.reaper != nil {
		p.reaper.Stop()
	}
	for c := range p.children {
		c.stop()
	}
	p.idle = nil
}
