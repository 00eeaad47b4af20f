package release

import (
	"context"
	"io/fs"
	"time"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/build"
	"github.com/slipway-dev/slipway/internal/build/assemble"
	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/render"
)

// Inputs is everything that one release works with.
type Inputs struct {
	Organization string
	Project      *v1alpha1.Project
	Cluster      *v1alpha1.Cluster
	Stage        *v1alpha1.Stage
	Release      *v1alpha1.Release
	// Good is the stage's last release that succeeded, nil before the first. It may
	// be slim.
	Good *v1alpha1.Release
	// EarlierBuilds are the Jobs of builds that earlier releases of the stage
	// started and did not see the end of, by service.
	EarlierBuilds map[string][]string
	// From is the release that spec.from names, and FromStage its stage; nil when
	// it names none or they are gone. From may be slim.
	From      *v1alpha1.Release
	FromStage *v1alpha1.Stage
	// Details reads a slim release as a whole. Its errors are coded; not_found says
	// that the release is gone. Nil means that releases are never slim.
	Details func(ctx context.Context, slim *v1alpha1.Release) (*v1alpha1.Release, error)
	Target  Target
	Claims  Claims
	// Templates reads the organization's own templates; nil means that it has
	// none.
	Templates func(ctx context.Context) (render.OwnTemplates, error)
	// Seed returns what the generated values of the stage's charts are derived from;
	// nil means that they are not known here.
	Seed   func(ctx context.Context) ([]byte, error)
	Builds ImageBuilds
	// OwnHosts are those that Slipway itself is reached at; no stage may use them.
	OwnHosts []string
}

// Whole returns a release with what SlimRelease drops.
func (o Inputs) Whole(ctx context.Context, r *v1alpha1.Release) (*v1alpha1.Release, error) {
	if r == nil || o.Details == nil || !IsSlim(r) {
		return r, nil
	}
	return o.Details(ctx, r)
}

// Claims know which project of the cluster uses which host.
type Claims interface {
	// Claim claims hosts for the stage and returns those that another project
	// uses. A claim ends when manifests without the host were applied, or when the
	// stage is deleted.
	Claim(ctx context.Context, hosts []string) (taken []string, err error)
}

// Target is one stage on its cluster. Every method may be called again after a
// crash and continues what an earlier call began.
//
// It has more methods than an interface should: they are the steps of one
// sequence, and one type implements them all.
type Target interface {
	// Prepare makes the stage's namespace and what isolates it; with builds, also
	// the namespace in which the project's images are built.
	Prepare(ctx context.Context, builds bool) error
	// Provide makes the Secrets of the stage, before any object uses them.
	Provide(ctx context.Context, secrets Secrets) error
	// Apply applies the manifests and deletes nothing. A *Failure with refused services
	// says that all others were applied. When the stage rests, what its Jobs came to
	// before matters no more.
	Apply(ctx context.Context, manifests []byte, rests bool) (v1alpha1.Changes, error)
	// Restart replaces the pods of the named services in the manifests, or of all
	// when none is named, once for each mark.
	Restart(ctx context.Context, manifests []byte, services []string, mark string) error
	// Verify waits until everything that was applied last is ready, and calls
	// progress when anything changes. A service may take as long as its deadline,
	// else the default. A *Failure says why a service does not become ready.
	Verify(ctx context.Context, deadlines map[string]time.Duration, progress func([]v1alpha1.ServiceStatus)) error
	// Prune deletes the objects of the stage that the manifests applied last no
	// longer contain, and returns their number.
	Prune(ctx context.Context) (int32, error)
}

// Secrets is what the Secrets of a stage must contain.
type Secrets struct {
	// Made are the Secrets that templates need. Missing values are generated;
	// existing ones stay.
	Made []render.Secret
	// Sealed are the values of the project file. They replace existing ones.
	Sealed project.Sealed
}

// ImageBuilds is where a project's images are built and found.
type ImageBuilds struct {
	// Class separates the images of untrusted code from all others; empty for the
	// project's own. Trusted is the repository of the latter, for a class.
	Class, Trusted string
	Registry       Images
	Builder        build.Builder
	// Request holds what all builds of the project share: namespace,
	// repository and credentials.
	Request build.Request
	// Executor identifies the builder's program in input hashes.
	Executor string
	// Assemble makes and pushes an image that needs no execution and returns its digest.
	// An *assemble.Obstacle says that the builder must make it. Nil means that every image
	// is built.
	Assemble func(ctx context.Context, order assemble.Order) (digest string, err error)
}

// Images is the registry with a project's images. Errors are coded.
type Images interface {
	// Exists finds the image of an input hash; the reference is by digest.
	Exists(ctx context.Context, repository, hash string) (ref string, found bool, err error)
	// Resolve returns the digest that a reference has now.
	Resolve(ctx context.Context, ref string) (digest string, err error)
	// Config returns what the image of a digest says of itself; the reference says
	// where it is.
	Config(ctx context.Context, ref, digest string) (project.ImageConfig, error)
	// Base returns what the image of a digest says to those who build on it; the
	// reference says where it is.
	Base(ctx context.Context, ref, digest string) (build.BaseConfig, error)
	// ResolveBases returns the digests of a Dockerfile's base images.
	ResolveBases(ctx context.Context, file *build.Dockerfile, bases []build.Base) (map[string]string, error)
}

// Tree is a commit's tree. Only Open reads files.
type Tree interface {
	fs.ReadDirFS
	// Hash returns the object id of a file or directory.
	Hash(path string) (string, error)
	// Entry returns the mode of what is at a path and its object id, and follows
	// nothing: where something on the way is no directory, it is what is returned.
	Entry(path string) (fs.FileMode, string, error)
	// Type returns the type of what Entry returns.
	Type(path string) (fs.FileMode, error)
}

// Snapshot is one commit of one of the project's repositories.
type Snapshot struct {
	Tree Tree
	// Repository is the repository's name in the project.
	Repository string
	Commit     string
	// Made is when the commit was made, as it says itself; zero when that isn't known.
	Made time.Time
}
