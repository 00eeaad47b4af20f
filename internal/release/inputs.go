package release

import (
	"context"
	"io/fs"
	"time"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/build"
	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/projectfile"
	"github.com/slipway-dev/slipway/internal/render"
)

// Inputs is everything that one release works with.
type Inputs struct {
	Organization string
	Project      *v1alpha1.Project
	Cluster      *v1alpha1.Cluster
	Stage        *v1alpha1.Stage
	Release      *v1alpha1.Release
	// Good is the stage's last release that succeeded, nil before the first.
	Good *v1alpha1.Release
	// Begun are the Jobs of builds that earlier releases of the stage began and
	// did not see the end of, by service.
	Begun map[string][]string
	// From is the release that the order names as its source, and FromStage its
	// stage; nil when it names none or they are gone.
	From      *v1alpha1.Release
	FromStage *v1alpha1.Stage
	Target    Target
	Claims    Claims
	// Templates reads the organization's own; nil means that it has none.
	Templates func(ctx context.Context) (render.OwnTemplates, error)
	Builds    ImageBuilds
	// Speculation is what was done for the release before it was durable, nil for
	// nothing.
	Speculation *Speculation
}

// Claims know which project of the cluster uses which host.
type Claims interface {
	// Claim takes hosts for the stage and returns those that another project
	// uses. What is claimed stays so until the stage has been brought to
	// manifests without it, or is gone.
	Claim(ctx context.Context, hosts []string) (taken []string, err error)
}

// Target is the stage's place on its cluster. Every method may be called again
// after a crash and continues what was begun.
//
// It has more methods than an interface should: they are the verbs of one
// story, and one thing implements them all.
type Target interface {
	// Prepare makes the namespace and what keeps it apart from others; with
	// builds, also the one that the project's images are built in.
	Prepare(ctx context.Context, builds bool) error
	// Provide makes the stage's Secrets before anything uses them.
	Provide(ctx context.Context, secrets Secrets) error
	// Apply brings the objects to the manifests, and deletes nothing.
	Apply(ctx context.Context, manifests []byte) (v1alpha1.Changes, error)
	// Restart makes the pods of the services in the manifests anew, of all when
	// none is named, once for each mark.
	Restart(ctx context.Context, manifests []byte, services []string, mark string) error
	// Verify waits until everything last applied is ready, telling progress as
	// it changes: as long as the deadlines say by service, else the default. A
	// *Failure says what keeps it from becoming so.
	Verify(ctx context.Context, deadlines map[string]time.Duration, progress func([]v1alpha1.ServiceStatus)) error
	// Prune deletes what the stage owns and the manifests last applied no
	// longer hold, and returns how many objects that were.
	Prune(ctx context.Context) (int32, error)
}

// Secrets are what the Secrets of a stage must hold.
type Secrets struct {
	// Made are what templates need: values that are missing are made up, and
	// those that exist stay.
	Made []render.Secret
	// Sealed are the values of the project file: they replace what is there.
	Sealed project.Sealed
}

// ImageBuilds is where a project's images are built and found.
type ImageBuilds struct {
	Registry Images
	Builder  build.Builder
	// Request holds what all builds of the project share: namespace,
	// repository and credentials.
	Request build.Request
	// Executor identifies the builder's program in input hashes.
	Executor string
}

// Images is the registry with a project's images. Errors are coded.
type Images interface {
	// Exists finds the image of an input hash; the reference is by digest.
	Exists(ctx context.Context, repository, hash string) (ref string, found bool, err error)
	// Resolve returns the digest that a reference has now.
	Resolve(ctx context.Context, ref string) (digest string, err error)
	// ResolveBases returns the digests of a Dockerfile's base images.
	ResolveBases(ctx context.Context, file *build.Dockerfile, bases []build.Base) (map[string]string, error)
}

// Tree is a commit's tree.
type Tree interface {
	fs.FS
	// Hash returns the object id of a file or directory.
	Hash(path string) (string, error)
}

// Snapshot is one commit of one of the project's repositories.
type Snapshot struct {
	Tree Tree
	// Repository is the repository's name in the project.
	Repository string
	Commit     string
}

// Sources opens what a release is made from.
type Sources interface {
	// File returns the project file of a head, with the services that its
	// commits of secondary repositories declare. The same head always gives the
	// same file.
	File(ctx context.Context, p *v1alpha1.Project, head v1alpha1.Head) (*projectfile.Document, string, error)
	// Open returns a commit of the project's repository with a clone URL
	// (empty means the primary one). Revision is a commit id, or a ref or
	// branch of another repository.
	Open(ctx context.Context, p *v1alpha1.Project, url, revision string) (Snapshot, error)
	// Descends says whether a commit of the primary repository has another in
	// its history, or is it. The code not_found says that it can't be told.
	Descends(ctx context.Context, p *v1alpha1.Project, commit, ancestor string) (bool, error)
	// Grant lets one build fetch a directory of a snapshot for a short time.
	Grant(o Inputs, snapshot Snapshot, directory string) (build.Source, error)
}

// Renderer renders a stage.
type Renderer interface {
	Render(ctx context.Context, tree fs.FS, request render.Request) (render.Result, error)
}

// Bundles keeps rendered manifests.
type Bundles interface {
	// Put keeps manifests and returns the name and digest to find them by.
	Put(ctx context.Context, o Inputs, manifests []byte) (name, digest string, err error)
	// Get returns the manifests kept under a name, checked against the digest.
	Get(ctx context.Context, o Inputs, name, digest string) ([]byte, error)
}

// Journal makes a release's progress durable.
type Journal interface {
	// Write writes the release's status.
	Write(ctx context.Context, status v1alpha1.ReleaseStatus) error
	// Observe shows how the stage's services run.
	Observe(ctx context.Context, services []v1alpha1.ServiceStatus) error
}

// Failure is an outcome that more tries won't change: a cause for machines
// and a sentence for people.
type Failure struct {
	Cause   string
	Message string
}

// Error returns the sentence.
func (f *Failure) Error() string { return f.Message }
