package releases

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/build"
	"github.com/slipway-dev/slipway/internal/cli/control"
	"github.com/slipway-dev/slipway/internal/cli/exit"
	"github.com/slipway-dev/slipway/internal/cli/output"
	"github.com/slipway-dev/slipway/internal/cli/stream"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/naming"
	"github.com/slipway-dev/slipway/internal/operate"
	"github.com/slipway-dev/slipway/internal/printable"
)

type logs struct {
	releases
	control.StageCluster
	tail int64
}

func newReleasesLogs(streams stream.Streams) *cobra.Command {
	l := &logs{releases: releases{streams: streams}}
	command := &cobra.Command{
		Use:   "logs PROJECT STAGE N",
		Short: "Print what a release's builds, release commands and pods printed",
		Long: `Print what a release's builds, its release commands and its services' pods
printed, as far as you may read it and it is still there: pods belong to the
release that is live, and the logs of builds go an hour after them.`,
		Args:              cobra.ExactArgs(3),
		ValidArgsFunction: l.CompleteReleases,
		RunE:              func(command *cobra.Command, args []string) error { return l.run(command.Context(), args) },
	}
	l.releases.Flags(command)
	l.StageCluster.Flags(command)
	command.Flags().Int64Var(&l.tail, "tail", 20, "how many lines of each pod")
	return command
}

func (l *logs) run(ctx context.Context, args []string) error {
	stage, rel, err := l.numbered(ctx, args)
	if err != nil {
		return err
	}
	found, err := l.builds(ctx, rel)
	if err != nil {
		return err
	}
	config, err := l.StageCluster.Config(ctx, &l.Connection, stage)
	if err != nil {
		return err
	}
	clientset, err := kubernetes.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("make client: %w", err)
	}
	pods, err := l.pods(ctx, clientset, stage, rel)
	if err != nil {
		return err
	}
	for i := range pods {
		l.pod(ctx, clientset, &pods[i])
	}
	if found+len(pods) == 0 {
		return fault.New(fault.NotFound, "release %d of %s has no log any more: it built nothing that is kept, and none of the stage's pods is of it", rel.Spec.Sequence, stage)
	}
	return nil
}

// builds prints the logs of the release's builds and returns how many it
// made. One that can't be read doesn't keep the others from being shown.
func (l *logs) builds(ctx context.Context, rel *v1alpha1.Release) (int, error) {
	config, err := l.releases.Config()
	if err != nil {
		return 0, err
	}
	clientset, err := kubernetes.NewForConfig(config)
	if err != nil {
		return 0, fmt.Errorf("make client: %w", err)
	}
	organization, _ := naming.OrganizationOf(rel.Namespace)
	reader := buildLogs{streams: l.streams}
	made := 0
	for _, service := range rel.Status.Services {
		if service.Job == "" {
			continue
		}
		made++
		fmt.Fprintf(l.streams.Err, "--- %s: build %s\n", service.Name, service.Job)
		job := build.Job{Namespace: naming.BuildNamespace(organization, rel.Spec.Project), Name: service.Job}
		if err := reader.copy(ctx, clientset, job); err != nil {
			fmt.Fprintf(l.streams.Err, "%s\n", output.Printable(exit.MessageOf(err)))
		}
	}
	return made, nil
}

// pods returns the pods of the stage's release Jobs and services, by name.
// Those of services are of the release that went live last, so any other
// release has only its Jobs' left.
func (l *logs) pods(ctx context.Context, clientset kubernetes.Interface, stage *operate.Stage, rel *v1alpha1.Release) ([]corev1.Pod, error) {
	selector := metav1.ListOptions{LabelSelector: naming.LabelManagedBy + "=" + naming.ManagedBy}
	list, err := clientset.CoreV1().Pods(stage.Object.Spec.Namespace).List(ctx, selector)
	if err != nil {
		return nil, operate.Explain(err, "list the pods of %s", stage)
	}
	current := stage.IsCurrent(rel)
	pods := slices.DeleteFunc(list.Items, func(pod corev1.Pod) bool { return !current || !ofRelease(&pod, rel) })
	slices.SortFunc(pods, func(a, b corev1.Pod) int {
		return cmp.Or(cmp.Compare(a.Labels[naming.LabelService], b.Labels[naming.LabelService]), cmp.Compare(a.Name, b.Name))
	})
	return pods, nil
}

// ofRelease reports whether a pod ran for a release: Jobs' pods made before
// it are of an earlier one.
func ofRelease(pod *corev1.Pod, rel *v1alpha1.Release) bool {
	if pod.Labels[batchv1.JobNameLabel] == "" {
		return true
	}
	return !pod.CreationTimestamp.Before(&rel.CreationTimestamp)
}

// pod prints the last lines of a pod's containers, and of the one before a
// crash.
func (l *logs) pod(ctx context.Context, clientset kubernetes.Interface, pod *corev1.Pod) {
	for _, container := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses) {
		crashed := container.State.Waiting != nil && container.RestartCount > 0
		if container.State.Waiting != nil && !crashed {
			fmt.Fprintf(l.streams.Err, "--- %s/%s: %s\n", pod.Name, container.Name, output.Printable(waitingFor(container.State.Waiting)))
			continue
		}
		fmt.Fprintf(l.streams.Err, "--- %s/%s\n", pod.Name, container.Name)
		options := &corev1.PodLogOptions{Container: container.Name, TailLines: &l.tail, Previous: crashed}
		stream, err := clientset.CoreV1().Pods(pod.Namespace).GetLogs(pod.Name, options).Stream(ctx)
		if err != nil {
			fmt.Fprintf(l.streams.Err, "%s\n", output.Printable(exit.MessageOf(operate.Explain(err, "read the log of pod %s", pod.Name))))
			continue
		}
		l.copyLines(stream)
		_ = stream.Close()
	}
}

func waitingFor(state *corev1.ContainerStateWaiting) string {
	return strings.TrimSuffix("waits: "+state.Reason+": "+state.Message, ": ")
}

// copyLines prints lines without what could steer the terminal.
func (l *logs) copyLines(stream io.Reader) {
	lines := bufio.NewScanner(io.LimitReader(stream, 8<<20))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		fmt.Fprintln(l.streams.Out, printable.Lines(lines.Text()))
	}
}
