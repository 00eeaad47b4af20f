package worker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/render"
	"github.com/slipway-dev/slipway/internal/render/tree"
	"github.com/slipway-dev/slipway/internal/render/worker/confine"
)

// orderBytes bounds a request; the parent, which is trusted, made it.
const orderBytes = 64 << 20

// restTime is after how long without a request memory is given back.
const restTime = 2 * time.Second

// Main is the life of a child: it confines itself, says so, and renders until
// stdin ends. The program calls it, and nothing else, when it is started as
// `slipway render-worker`.
func Main(ctx context.Context, stdin io.Reader, stdout io.Writer) error {
	first, err := readFrame(stdin, orderBytes)
	if err != nil {
		return fmt.Errorf("start rendering: %w", err)
	}
	var limits confine.Limits
	if err := first.decode(&limits); err != nil || first.kind != kindConfine {
		return fmt.Errorf("start rendering: the first message is no confinement: %w", err)
	}
	time.Local = time.UTC // no language that renders knows where the machine is
	warm(ctx)
	debug.FreeOSMemory() // what parsing left behind
	runtime.GOMAXPROCS(limits.Threads)
	// Rendering makes much garbage and lives briefly: collect late, but well
	// before the limit.
	debug.SetGCPercent(400)
	debug.SetMemoryLimit(limits.Memory / 10 * 8)
	err = confine.Self(limits)
	if sendErr := writeFrame(stdout, kindReady, failureOf(err), nil); sendErr != nil || err != nil {
		return errors.Join(err, sendErr)
	}
	rest := time.AfterFunc(restTime, debug.FreeOSMemory)
	for {
		order, err := readFrame(stdin, orderBytes)
		rest.Stop()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("receive a request: %w", err)
		}
		if err := serve(ctx, order, stdin, stdout); err != nil {
			return err
		}
		rest.Reset(restTime)
	}
}

// serve renders one request. Its own errors mean that the parent is gone.
func serve(ctx context.Context, order frame, stdin io.Reader, stdout io.Writer) error {
	var o renderOrder
	if err := order.decode(&o); err != nil || order.kind != kindRender {
		return fmt.Errorf("receive a request: unexpected message %d: %w", order.kind, err)
	}
	result, err := renderOne(ctx, o, remote{in: stdin, out: stdout, most: o.Limits.FileBytes + orderBytes})
	manifests := result.Manifests
	result.Manifests = nil
	return writeFrame(stdout, kindResult, outcome{Result: result, Failure: failureOf(err)}, manifests)
}

func renderOne(ctx context.Context, o renderOrder, source tree.Source) (result render.Result, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			result, err = render.Result{}, fault.New(fault.Invalid, "rendering stopped: %v; simplify what the repository describes", cause)
		}
	}()
	files, err := render.CollectFrom(ctx, source, o.Request, o.Limits)
	if err != nil {
		return render.Result{}, err
	}
	return render.Render(ctx, o.Request, files)
}

// remote is a commit's tree at the parent's end of the pipes.
type remote struct {
	in   io.Reader
	out  io.Writer
	most int64
}

func (r remote) Look(name string) (fs.FileMode, error) {
	got, _, err := r.ask(kindLook, question{Name: name})
	return got.Mode, err
}

func (r remote) Read(name string, most int64) ([]byte, error) {
	_, body, err := r.ask(kindRead, question{Name: name, Most: most})
	return body, err
}

func (r remote) List(dir string) ([]tree.Entry, error) {
	got, _, err := r.ask(kindList, question{Name: dir})
	return got.Entries, err
}

func (r remote) ask(k kind, q question) (answer, []byte, error) {
	if err := writeFrame(r.out, k, q, nil); err != nil {
		return answer{}, nil, err
	}
	reply, err := readFrame(r.in, r.most)
	if err != nil {
		return answer{}, nil, err
	}
	var got answer
	if err := reply.decode(&got); err != nil {
		return answer{}, nil, err
	}
	return got, reply.body, got.Failure.err()
}
