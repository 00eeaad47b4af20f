package releases

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/build"
	"github.com/slipway-dev/slipway/internal/build/kaniko"
	"github.com/slipway-dev/slipway/internal/cli/control"
	"github.com/slipway-dev/slipway/internal/cli/stream"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/naming"
	"github.com/slipway-dev/slipway/internal/operate"
)

type buildLogs struct {
	control.Connection
	streams stream.Streams
	release string
	service string
	follow  bool
}

// NewLogs returns the command logs.
func NewLogs(streams stream.Streams) *cobra.Command {
	l := &buildLogs{streams: streams}
	command := &cobra.Command{
		Use:     "logs --build RELEASE",
		Short:   "Print what the builds of a release printed",
		GroupID: "see",
		Args:    cobra.NoArgs,
		RunE:    func(command *cobra.Command, _ []string) error { return l.run(command.Context()) },
	}
	l.Flags(command)
	flags := command.Flags()
	flags.StringVar(&l.release, "build", "", "the release whose builds to show (slipway get releases)")
	flags.StringVarP(&l.service, "service", "s", "", "only of this service")
	flags.BoolVarP(&l.follow, "follow", "f", false, "follow until the build ends")
	if err := command.MarkFlagRequired("build"); err != nil {
		panic(err) // the flag is declared two lines above
	}
	return command
}

func (l *buildLogs) run(ctx context.Context) error {
	c, err := l.Client()
	if err != nil {
		return err
	}
	rel, err := l.find(ctx, c)
	if err != nil {
		return err
	}
	config, err := l.Config()
	if err != nil {
		return err
	}
	clientset, err := kubernetes.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("make client: %w", err)
	}
	return l.print(ctx, clientset, rel)
}

// print copies the logs of the release's builds, one after the other.
func (l *buildLogs) print(ctx context.Context, cluster kubernetes.Interface, rel *v1alpha1.Release) error {
	organization, _ := naming.OrganizationOf(rel.Namespace)
	namespace := naming.BuildNamespace(organization, rel.Spec.Project)
	printed := 0
	for _, service := range rel.Status.Services {
		if service.Job == "" || l.service != "" && service.Name != l.service {
			continue
		}
		printed++
		fmt.Fprintf(l.streams.Err, "--- %s: build %s\n", service.Name, service.Job)
		if err := l.copy(ctx, cluster, build.Job{Namespace: namespace, Name: service.Job}); err != nil {
			return err
		}
	}
	if printed == 0 && slices.ContainsFunc(rel.Status.Services, func(s v1alpha1.ReleaseService) bool { return strings.HasPrefix(s.Why, "assembled: ") }) {
		return fault.New(fault.NotFound, "release %s ran no build%s: its images were assembled, which prints nothing", rel.Name, forService(l.service))
	}
	if printed == 0 {
		return fault.New(fault.NotFound, "release %s built nothing%s: %s", rel.Name, forService(l.service), strings.TrimSpace(rel.Status.Message))
	}
	return nil
}

func (l *buildLogs) copy(ctx context.Context, cluster kubernetes.Interface, job build.Job) error {
	log, err := kaniko.OpenLog(ctx, cluster, job, l.follow)
	if err != nil {
		return err
	}
	defer log.Close()
	if _, err := io.Copy(l.streams.Out, log); err != nil {
		return fmt.Errorf("read the log of build %s: %w", job.Name, err)
	}
	return nil
}

func forService(name string) string {
	if name == "" {
		return ""
	}
	return " for service " + name
}

// find returns the release, wherever it is.
func (l *buildLogs) find(ctx context.Context, c client.Client) (*v1alpha1.Release, error) {
	var found v1alpha1.ReleaseList
	if err := operate.List(ctx, c, &found, l.Scope()); err != nil {
		return nil, err
	}
	i := slices.IndexFunc(found.Items, func(r v1alpha1.Release) bool { return r.Name == l.release })
	if i < 0 {
		return nil, fault.New(fault.NotFound, "there is no release %s; `slipway get releases` lists them", l.release)
	}
	return &found.Items[i], nil
}
