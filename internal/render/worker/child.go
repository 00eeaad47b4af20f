package worker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/render"
	"github.com/slipway-dev/slipway/internal/render/tree"
	"github.com/slipway-dev/slipway/internal/render/worker/confine"
)

// startTime bounds the start of a child, which parses Kustomize's schemas.
const startTime = 30 * time.Second

// dyingTime is how long a process may take to end once its pipes are closed.
const dyingTime = 300 * time.Millisecond

// child is one process. One render at a time uses it.
type child struct {
	options Options
	command *exec.Cmd
	in      io.WriteCloser
	out     io.ReadCloser
	stderr  *tail
	done    chan struct{} // closed when the process has ended and is reaped

	renders int
	since   time.Time // of being idle
	broken  bool      // mid-conversation: nobody may use it again
	stopped sync.Once
}

// start starts a child and waits until it is confined.
func start(ctx context.Context, options Options) (*child, error) {
	c := &child{options: options, stderr: &tail{}, done: make(chan struct{})}
	c.command = exec.Command(options.Executable, options.Arguments...) //nolint:gosec // it is this program
	c.command.Env = []string{}
	c.command.Dir = "/"
	c.command.Stderr = c.stderr
	c.command.SysProcAttr = processAttributes()
	var err error
	if c.in, err = c.command.StdinPipe(); err != nil {
		return nil, fmt.Errorf("start a render worker: %w", err)
	}
	stdout, childOut, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("start a render worker: %w", err)
	}
	c.out, c.command.Stdout = stdout, childOut
	err = c.command.Start()
	_ = childOut.Close()
	if err != nil {
		_ = stdout.Close()
		return nil, fmt.Errorf("start a render worker: %w", err)
	}
	go c.wait()
	if err := c.handshake(ctx); err != nil {
		c.stop()
		<-c.done
		return nil, err
	}
	return c, nil
}

// wait reaps the process.
func (c *child) wait() {
	_ = c.command.Wait()
	close(c.done)
}

// handshake confines the child and waits until it says that it is.
func (c *child) handshake(ctx context.Context) error {
	guard := newWatch(ctx, c, Limits{Time: startTime})
	defer guard.end()
	limits := c.options.Limits
	lifetime := int64(limits.CPU/time.Second)*int64(limits.Renders+1) + int64(startTime/time.Second)
	err := writeFrame(c.in, kindConfine, confine.Limits{
		Memory: limits.Memory, CPU: lifetime, Threads: 1,
	}, nil)
	if err != nil {
		return c.startError(err)
	}
	ready, err := readFrame(c.out, orderBytes)
	if err != nil {
		return c.startError(err)
	}
	var refused *failure
	if err := ready.decode(&refused); err != nil {
		return c.startError(err)
	}
	if refused != nil {
		return fault.New(fault.Internal, "render workers can't be confined on this machine: %s; run Slipway where the kernel and the container's security profile allow system call filters (CONFIG_SECCOMP_FILTER)", refused.Message)
	}
	return nil
}

func (c *child) startError(err error) error {
	c.broken = true
	return fmt.Errorf("start a render worker: %w: %s", err, c.stderr.firstLine())
}

// render does one render. Whatever goes wrong with the process is an error
// that says so.
func (c *child) render(ctx context.Context, fsys fs.FS, req render.Request) (render.Result, error) {
	guard := newWatch(ctx, c, c.options.Limits)
	defer guard.end()
	c.renders++
	c.broken = true
	end, err := c.converse(tree.FromFS(fsys), req)
	if err != nil {
		return render.Result{}, c.explain(ctx, guard, err)
	}
	var o outcome
	if err := end.decode(&o); err != nil {
		return render.Result{}, c.explain(ctx, guard, err)
	}
	c.broken = guard.tripped() != nil
	if err := o.Failure.err(); err != nil {
		return render.Result{}, err
	}
	o.Result.Manifests = end.body
	return o.Result, nil
}

// converse sends the request and answers questions until the result comes.
func (c *child) converse(source tree.Source, req render.Request) (frame, error) {
	limits := c.options.Limits
	if err := writeFrame(c.in, kindRender, renderOrder{Request: req, Limits: limits.Input}, nil); err != nil {
		return frame{}, err
	}
	for {
		got, err := readFrame(c.out, limits.Output)
		if err != nil || got.kind == kindResult {
			return got, err
		}
		if err := c.answer(source, got, limits.Input.FileBytes); err != nil {
			return frame{}, err
		}
	}
}

// answer replies to what the child asks of the commit's tree.
func (c *child) answer(source tree.Source, asked frame, most int64) error {
	var q question
	if err := asked.decode(&q); err != nil {
		return err
	}
	var reply answer
	var body []byte
	var err error
	switch asked.kind {
	case kindLook:
		reply.Mode, err = source.Look(q.Name)
	case kindRead:
		body, err = source.Read(q.Name, min(max(q.Most, 0), most+1))
	case kindList:
		reply.Entries, err = source.List(q.Name)
	default:
		return fmt.Errorf("unexpected message %d", asked.kind)
	}
	reply.Failure = failureOf(err)
	return writeFrame(c.in, kindAnswer, reply, body)
}

// explain says why the conversation broke off.
func (c *child) explain(ctx context.Context, guard *watch, err error) error {
	c.letEnd()
	switch reason := guard.tripped(); {
	case reason != nil:
		return reason
	case ctx.Err() != nil:
		return fmt.Errorf("render: %w", ctx.Err())
	case errors.Is(err, errTooLong):
		return fault.New(fault.Invalid, "rendering gives more than %d MiB of manifests; make the stage smaller or split the project", c.options.Limits.Output>>20)
	}
	line := c.stderr.firstLine()
	switch {
	case c.killed():
		return fault.Wrap(fault.Unavailable, err, "the process that rendered was killed from outside, perhaps because the machine ran out of memory; it is tried again")
	case c.stderr.contains("stack overflow"), c.stderr.contains("stack exceeds"):
		return fault.New(fault.Invalid, "rendering never ends: something refers to itself without end; look for a template that includes itself")
	case c.stderr.contains("out of memory"), c.stderr.contains("cannot allocate memory"), c.stderr.contains("failed to allocate"):
		return outOfMemory(c.options.Limits)
	}
	return fault.Wrap(fault.Invalid, err, "rendering ended its process (%s): %s; simplify what the repository describes", c.command.ProcessState, line)
}

// killed reports whether a signal ended the process, which a Go program never
// does to itself this way.
func (c *child) killed() bool {
	status, ok := c.command.ProcessState.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGKILL
}

// usable reports whether the child may do another render.
func (c *child) usable() bool {
	return !c.broken && c.renders < c.options.Limits.Renders && c.alive() && memoryOf(c.pid()) < c.options.Limits.Memory/2
}

func (c *child) alive() bool {
	select {
	case <-c.done:
		return false
	default:
		return true
	}
}

func (c *child) pid() int { return c.command.Process.Pid }

// letEnd waits for a dying process to say why, and kills one that isn't.
func (c *child) letEnd() {
	select {
	case <-c.done:
	case <-time.After(dyingTime):
	}
	c.stop()
	<-c.done
}

// stop kills the process; wait reaps it.
func (c *child) stop() {
	c.stopped.Do(func() {
		_ = c.command.Process.Kill()
		_ = c.in.Close()
		_ = c.out.Close()
	})
}
