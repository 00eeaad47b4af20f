package assemble

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"

	"github.com/slipway-dev/slipway/internal/build"
	"github.com/slipway-dev/slipway/internal/build/scope"
	"github.com/slipway-dev/slipway/internal/fault"
)

// Limits of an assembly; what meets the first two is left to a builder.
const (
	maxFiles  = 100_000 // that are copied
	maxLayers = 120     // with those of the base image; runtimes have 127
	timeLimit = 10 * time.Minute
)

// Tree is a commit's tree.
type Tree interface {
	scope.Tree
	// ReadLink returns the target of a symbolic link.
	ReadLink(path string) (string, error)
}

// Registry has base images, and takes what is assembled.
type Registry interface {
	// Exists finds the image of an input hash; the reference is by digest.
	Exists(ctx context.Context, repository, hash string) (ref string, found bool, err error)
	// Pull returns the image of a digest; the reference says where it is.
	Pull(ctx context.Context, ref, digest string) (*build.Pulled, error)
	// Layers returns an image's layers, which are read when they are asked for.
	Layers(ctx context.Context, image *build.Pulled) ([]v1.Layer, error)
	// Push writes an image as repository:tag and returns its digest.
	Push(ctx context.Context, repository, tag string, image v1.Image) (digest string, err error)
}

// Order says what to assemble.
type Order struct {
	// Dockerfile is the file, and Name what messages call it.
	Name       string
	Dockerfile []byte
	Parameters build.Parameters
	// Bases are the digests of base images, by reference.
	Bases map[string]string
	// Context is the directory of the build context in the tree.
	Tree    Tree
	Context string
	Scope   scope.Scope
	// Created is the time of the image and of all files in it. Whole seconds count.
	Created time.Time
	// Repository receives the image, tagged with the input hash.
	Repository string
	Hash       string
}

// work is an order that is being carried out.
type work struct {
	Order
	selection *scope.Selection
	registry  Registry
	bases     *bases
	count     int // what is in layers, and what stages took over from others
	done      map[int]*stage
}

// stage is a build stage as far as its instructions were carried out.
type stage struct {
	order      *work
	fs         *filesystem
	config     *v1.ConfigFile
	base       *base // nil for scratch
	hasCommand bool  // CMD was given
	layers     []map[string]node
	history    []v1.History
}

// image carries out an order.
func (w *work) image(ctx context.Context) (v1.Image, error) {
	stages, err := build.Evaluate(w.Name, w.Dockerfile, w.Parameters)
	if found := Check(stages, err); found != nil {
		return nil, found
	}
	if w.Tree == nil {
		return nil, obstacle(0, "links of its files can't be read")
	}
	if w.selection, err = w.Scope.On(w.Tree, w.Context); err != nil {
		return nil, err
	}
	w.done = map[int]*stage{}
	last := len(stages) - 1
	for _, index := range needed(stages) {
		made, err := w.begin(ctx, stages[index])
		if err != nil {
			return nil, err
		}
		for _, step := range stages[index].Steps {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			if err := made.carryOut(ctx, stages[:index], step); err != nil {
				return nil, stepError(step.Line, err)
			}
		}
		w.done[index] = made
	}
	return w.done[last].finish(ctx)
}

// spend counts what takes memory: Dockerfiles could have stages double it.
func (w *work) spend(n int) error {
	if w.count += n; w.count > maxFiles {
		return obstacle(0, "it copies more than %d files", maxFiles)
	}
	return nil
}

// begin returns a stage before its first instruction.
func (w *work) begin(ctx context.Context, of build.Stage) (*stage, error) {
	if of.Parent >= 0 {
		parent := w.done[of.Parent]
		if err := w.spend(parent.weight()); err != nil {
			return nil, stepError(of.Line, err)
		}
		return &stage{
			order: w, fs: parent.fs.clone(), config: parent.config.DeepCopy(), base: parent.base, // its CMD counts as inherited
			layers: slices.Clone(parent.layers), history: slices.Clone(parent.history),
		}, nil
	}
	made := &stage{order: w, fs: newFilesystem(emptyIndex()), config: scratch(w.Parameters.Platform)}
	if of.Image != "" {
		base, err := w.bases.open(ctx, w.registry, of.Image, w.Bases[of.Image])
		if err != nil {
			return nil, stepError(of.Line, err)
		}
		made.base, made.fs, made.config = base, newFilesystem(base.index), inherited(base.image.Config)
		if bytes.Contains(base.image.RawConfig, []byte(`"StartInterval"`)) {
			return nil, obstacle(of.Line, "its base image has a health check with StartInterval")
		}
		if is := made.config.OS + "/" + made.config.Architecture; is != "/" && !strings.HasPrefix(w.Parameters.Platform+"/", is+"/") {
			return nil, obstacle(of.Line, "its base image is for %s", is)
		}
	}
	if err := w.spend(made.weight()); err != nil {
		return nil, stepError(of.Line, err)
	}
	made.config.Config.Env = build.WithPath(made.config.Config.Env)
	return made, nil
}

// weight is how much a stage leaves to another one that begins with it.
func (s *stage) weight() int {
	config := s.config.Config
	return len(s.fs.added) + len(s.history) + len(config.Env) + len(config.Labels) + len(config.Volumes) + len(config.ExposedPorts)
}

// layerCount is how many layers a stage has, its base image's among them.
func (s *stage) layerCount() int {
	if s.base == nil {
		return len(s.layers)
	}
	return len(s.layers) + len(s.base.image.Manifest.Layers)
}

// inherited returns what a configuration leaves to images that are built on it.
func inherited(from *v1.ConfigFile) *v1.ConfigFile {
	made := &v1.ConfigFile{
		OS: from.OS, Architecture: from.Architecture, Variant: from.Variant, OSVersion: from.OSVersion, OSFeatures: from.OSFeatures,
		Author: from.Author, Config: *from.Config.DeepCopy(), RootFS: v1.RootFS{Type: "layers"},
	}
	config := &made.Config
	config.Hostname, config.Domainname, config.Image, config.MacAddress, config.OnBuild = "", "", "", "", nil
	config.AttachStderr, config.AttachStdin, config.AttachStdout, config.OpenStdin, config.StdinOnce, config.Tty, config.NetworkDisabled = false, false, false, false, false, false, false
	return made
}

// carryOut carries out one instruction; earlier are the stages before its own.
func (s *stage) carryOut(ctx context.Context, earlier []build.Stage, step build.Step) error {
	before := s.order.count
	var err error
	switch c := step.Command.(type) {
	case *instructions.CopyCommand:
		what := copying{SourcesAndDest: c.SourcesAndDest, chown: c.Chown, chmod: c.Chmod}
		if c.From != "" {
			what.from = s.order.done[stageOf(earlier, c.From)]
		}
		err = s.copy(ctx, what)
	case *instructions.AddCommand:
		err = s.copy(ctx, copying{SourcesAndDest: c.SourcesAndDest, chown: c.Chown, chmod: c.Chmod, unpacks: true})
	case *instructions.WorkdirCommand:
		err = s.workdir(c)
	default:
		err = s.configure(step.Command)
	}
	if err != nil {
		return err
	}
	layer := s.fs.takeLayer()
	if err := s.order.spend(max(0, before+len(layer)-s.order.count)); err != nil { // directories on the way count, too
		return err
	}
	if len(layer) > 0 {
		s.layers = append(s.layers, layer)
	}
	if s.layerCount() > maxLayers {
		return obstacle(0, "it has more than %d layers", maxLayers)
	}
	s.history = append(s.history, v1.History{
		Created: v1.Time{Time: s.order.Created}, CreatedBy: shortened(step.Text), Comment: "slipway", EmptyLayer: len(layer) == 0,
	})
	return nil
}

// maxHistoryText bounds what an image's history repeats of an instruction.
const maxHistoryText = 1024

func shortened(text string) string {
	if len(text) > maxHistoryText {
		text = strings.ToValidUTF8(text[:maxHistoryText], "") + "…"
	}
	return text
}

// Assembler assembles images. It is safe for concurrent use.
type Assembler struct {
	slots slots
	turns turns
	bases *bases
}

// Options configure an Assembler. Zero fields mean the defaults.
type Options struct {
	Parallel int           // assemblies at once; default 4
	Wait     time.Duration // for one of them to end, before a builder makes the image; default 10 s
}

// New returns an Assembler.
func New(o Options) *Assembler {
	if o.Parallel == 0 {
		o.Parallel = 4
	}
	if o.Wait == 0 {
		o.Wait = 10 * time.Second
	}
	return &Assembler{slots: newSlots(o.Parallel, o.Wait), bases: newBases(o.Wait)}
}

// Assemble makes the image of an order, unless it was made meanwhile, pushes it and
// returns its digest (sha256:…). An Obstacle says that a builder must make it. Other
// errors are coded; those of code Unavailable are worth a retry.
func (a *Assembler) Assemble(ctx context.Context, registry Registry, order Order) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, timeLimit)
	defer cancel()
	end, waited, err := a.turns.take(ctx, order.Repository+":"+order.Hash)
	if err != nil {
		return "", busy(err)
	}
	defer end()
	if waited {
		ref, found, err := registry.Exists(ctx, order.Repository, order.Hash)
		if err != nil || found {
			_, digest, _ := strings.Cut(ref, "@")
			return digest, err
		}
	}
	leave, err := a.slots.enter(ctx)
	if err != nil {
		return "", err
	}
	defer leave()
	order.Created = plausible(order.Created)
	w := &work{Order: order, registry: registry, bases: a.bases}
	image, err := w.image(ctx)
	if err != nil {
		return "", orderFault(err, order.Name)
	}
	return registry.Push(ctx, order.Repository, order.Hash, image)
}

// plausible returns a time as archives and configurations hold it; commits say what their
// authors like.
func plausible(at time.Time) time.Time {
	first, last := time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)
	if at.Before(first) || at.After(last) {
		return first
	}
	return at.UTC().Truncate(time.Second)
}

func busy(err error) error {
	return fault.Wrap(fault.Unavailable, err, "images are being assembled, and this one had no turn in time; it is tried again")
}

// orderFault gives an error a code; an obstacle stays one.
func orderFault(err error, name string) error {
	var found *Obstacle
	var coded *fault.Error
	if errors.As(err, &found) {
		return found
	}
	if errors.As(err, &coded) {
		return fmt.Errorf("%s: %w", name, err)
	}
	return fault.Wrap(fault.Unavailable, err, "%s: what its image is made of could not be read; it is tried again", name)
}
