package workload

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/project"
)

// defaultJobSeconds bounds a Job whose service has no deadline.
const defaultJobSeconds = 600

// cronJob runs the service on its schedule, never twice at once.
func cronJob(in Input) (*batchv1.CronJob, error) {
	template, err := onceTemplate(in, componentSchedule)
	if err != nil {
		return nil, err
	}
	if len(in.Service.Volumes) > 0 {
		return nil, fault.New(fault.Invalid, "service %s: it has a schedule and volumes, but a volume of its own needs a service that keeps running; remove one of them", in.Name)
	}
	return &batchv1.CronJob{
		TypeMeta:   typeMeta("batch/v1", "CronJob"),
		ObjectMeta: meta(in, in.Name, componentSchedule),
		Spec: batchv1.CronJobSpec{
			Schedule:                   in.Service.Schedule,
			ConcurrencyPolicy:          batchv1.ForbidConcurrent,
			StartingDeadlineSeconds:    new(int64(300)),
			SuccessfulJobsHistoryLimit: new(int32(1)),
			FailedJobsHistoryLimit:     new(int32(2)),
			JobTemplate: batchv1.JobTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels(in, componentSchedule)},
				Spec: batchv1.JobSpec{
					BackoffLimit:            new(int32(2)),
					ActiveDeadlineSeconds:   jobSeconds(in.Service),
					TTLSecondsAfterFinished: new(int32(86400)),
					Template:                template,
				},
			},
		},
	}, nil
}

// releaseJob runs the service's release command once for each version of the
// image, the command and the environment: its name says which. It isn't
// repeated on failure, because a half-done migration is for people to look at.
func releaseJob(in Input) (*batchv1.Job, error) {
	if len(in.Service.Release.Command) == 0 {
		return nil, fault.New(fault.Invalid, "service %s: release has no command; name the program to run", in.Name)
	}
	command := in
	command.Service.Command = in.Service.Release.Command
	command.Service.Args = nil
	command.Service.Volumes = nil
	template, err := onceTemplate(command, componentRelease)
	if err != nil {
		return nil, err
	}
	template.Spec.RestartPolicy = corev1.RestartPolicyNever
	name, err := ReleaseJobName(in.Name, template)
	if err != nil {
		return nil, err
	}
	job := &batchv1.Job{
		TypeMeta:   typeMeta("batch/v1", "Job"),
		ObjectMeta: meta(in, name, componentRelease),
		Spec: batchv1.JobSpec{
			BackoffLimit:          new(int32(0)),
			ActiveDeadlineSeconds: jobSeconds(in.Service),
			Template:              template,
		},
	}
	job.Annotations = map[string]string{AnnotationHook: HookRelease}
	return job, nil
}

// onceJob runs a service once for each version of it: its name says which.
func onceJob(in Input) (*batchv1.Job, error) {
	template, err := onceTemplate(in, componentOnce)
	if err != nil {
		return nil, err
	}
	template.Annotations = configHash(in)
	if !in.Once.Restart {
		template.Spec.RestartPolicy = corev1.RestartPolicyNever
	}
	name, err := jobName(in.Name+"-once", template)
	if err != nil {
		return nil, err
	}
	job := &batchv1.Job{
		TypeMeta:   typeMeta("batch/v1", "Job"),
		ObjectMeta: meta(in, name, componentOnce),
		Spec: batchv1.JobSpec{
			BackoffLimit:          new(in.Once.Attempts),
			ActiveDeadlineSeconds: jobSeconds(in.Service),
			Template:              template,
		},
	}
	job.Annotations = annotated(in, map[string]string{AnnotationHook: HookOnce})
	return job, nil
}

// annotated adds to annotations what the service's workload waits for.
func annotated(in Input, annotations map[string]string) map[string]string {
	if len(in.After) == 0 {
		return annotations
	}
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[AnnotationAfter] = strings.Join(in.After, ",")
	return annotations
}

// ReleaseJobName returns the name of a service's release Job, which changes
// with what the Job would run.
func ReleaseJobName(service string, template corev1.PodTemplateSpec) (string, error) {
	return jobName(service+"-release", template)
}

// jobName returns a name that changes with what a Job would run.
func jobName(prefix string, template corev1.PodTemplateSpec) (string, error) {
	text, err := json.Marshal(template)
	if err != nil {
		return "", fmt.Errorf("name the job %s: %w", prefix, err)
	}
	sum := sha256.Sum256(text)
	return prefix + "-" + hex.EncodeToString(sum[:5]), nil
}

// onceTemplate returns pods that run to their end.
func onceTemplate(in Input, component string) (corev1.PodTemplateSpec, error) {
	container, err := container(in)
	if err != nil {
		return corev1.PodTemplateSpec{}, err
	}
	container.Ports = nil
	spec := podSpec(in, container)
	spec.RestartPolicy = corev1.RestartPolicyOnFailure
	return corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: podLabels(in, component)},
		Spec:       spec,
	}, nil
}

func jobSeconds(s project.Service) *int64 {
	if seconds := deadlineSeconds(s); seconds != nil {
		return new(int64(*seconds))
	}
	return new(int64(defaultJobSeconds))
}
