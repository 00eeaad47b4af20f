package release

import (
	"context"
	"io/fs"
	"time"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/build"
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
