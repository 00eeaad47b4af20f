package controller

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"

	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/release"
	"github.com/slipway-dev/slipway/internal/scm"
)

// NewReporter makes the reporter of a repository's forge.
type NewReporter func(access scm.Access) (scm.Reporter, error)

// ReportReconciler tells the forge how releases stand. It works beside the
// releases and never holds one up; what it could not tell it tells later, and
// only the latest.
type ReportReconciler struct {
	Client client.Client
	// Forges makes reporters, by the kind of the forge.
	Forges    map[string]NewReporter
	Secrets   *Secrets
	AllowHTTP bool
	Log       *slog.Logger
}

// Reconcile reports one release when its phase is not the one last reported.
func (r *ReportReconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	var rel v1alpha1.Release
	if err := r.Client.Get(ctx, req.NamespacedName, &rel); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if rel.Status.Phase == "" || rel.Status.Phase == rel.Status.Reported || release.IsRefused(&rel) {
		return ctrl.Result{}, nil
	}
	err := r.report(ctx, &rel)
	if after, limited := scm.RetryAfter(err); limited {
		return ctrl.Result{RequeueAfter: after}, nil
	}
	if fault.CodeOf(err) == fault.Unavailable {
		return ctrl.Result{}, err
	}
	if err != nil {
		r.Log.Error("report", "project", rel.Spec.Project, "release", rel.Name, "commit", rel.Spec.Head.Commit, "error", err)
	}
	return ctrl.Result{}, r.reported(ctx, &rel)
}

// reported notes what the forge was told, or can't be told.
func (r *ReportReconciler) reported(ctx context.Context, rel *v1alpha1.Release) error {
	after := rel.DeepCopy()
	after.Status.Reported = rel.Status.Phase
	return patchStatus(ctx, r.Client, rel, after)
}

// report sets the commit's status under the stage's context.
func (r *ReportReconciler) report(ctx context.Context, rel *v1alpha1.Release) error {
	var stage v1alpha1.Stage
	if err := r.Client.Get(ctx, client.ObjectKey{Namespace: rel.Namespace, Name: rel.Spec.Stage}, &stage); err != nil {
		return client.IgnoreNotFound(err)
	}
	var p v1alpha1.Project
	if err := r.Client.Get(ctx, client.ObjectKey{Namespace: rel.Namespace, Name: rel.Spec.Project}, &p); err != nil {
		return client.IgnoreNotFound(err)
	}
	repository := primary(&p)
	if repository.Credentials == nil {
		return nil
	}
	reporter, err := r.reporter(ctx, &p, repository)
	if err != nil {
		return err
	}
	state, said := commitState(rel)
	err = reporter.SetStatus(ctx, scm.Status{
		Repository:  repository.Path,
		Commit:      rel.Spec.Head.Commit,
		Context:     scm.Context(stage.Spec.Name),
		State:       state,
		Description: said,
		URL:         rel.Status.URL,
	})
	if err != nil {
		return fmt.Errorf("set status of %.8s at %s: %w", rel.Spec.Head.Commit, repository.Path, err)
	}
	return nil
}

// commitState puts a release's phase into the words of commit statuses.
func commitState(rel *v1alpha1.Release) (scm.State, string) {
	message := rel.Status.Message
	switch rel.Status.Phase {
	case v1alpha1.PhaseSucceeded:
		return scm.StateSuccess, message
	case v1alpha1.PhaseFailed:
		return scm.StateFailure, message
	case v1alpha1.PhaseHeld:
		return scm.StatePending, "held: " + message
	case v1alpha1.PhaseSuperseded:
		return scm.StateError, message
	}
	return scm.StatePending, message
}

// reporter makes the reporter of a repository with the project's credentials.
func (r *ReportReconciler) reporter(ctx context.Context, p *v1alpha1.Project, repository v1alpha1.Repository) (scm.Reporter, error) {
	newReporter, known := r.Forges[repository.Forge]
	if !known {
		return nil, fault.New(fault.Invalid, "forge %q of repository %s is not known", repository.Forge, repository.Name)
	}
	data, err := r.Secrets.Data(ctx, types.NamespacedName{Namespace: p.Namespace, Name: repository.Credentials.Name})
	if err != nil {
		return nil, err
	}
	access := scm.Access{API: repository.API, Token: string(data["token"]), AllowHTTP: r.AllowHTTP}
	if len(data["private-key"]) > 0 {
		if access.App, err = app(data); err != nil {
			return nil, err
		}
	}
	if access.Token == "" && access.App == nil {
		return nil, fault.New(fault.Denied, "Secret %s has neither a token nor a GitHub App for reports to %s; add one", repository.Credentials.Name, repository.Path)
	}
	return newReporter(access)
}

// app reads a GitHub App's installation from a Secret.
func app(data map[string][]byte) (*scm.App, error) {
	id, errID := strconv.ParseInt(string(data["app-id"]), 10, 64)
	installation, errInstallation := strconv.ParseInt(string(data["installation-id"]), 10, 64)
	if err := errors.Join(errID, errInstallation); err != nil {
		return nil, fault.New(fault.Invalid, "a GitHub App needs the keys app-id and installation-id, both numbers, beside private-key")
	}
	return &scm.App{ID: id, Installation: installation, PrivateKey: data["private-key"]}, nil
}

// SetupWithManager registers the reconciler.
func (r *ReportReconciler) SetupWithManager(mgr ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(mgr).
		Named("report").
		For(&v1alpha1.Release{}).
		WithOptions(controller.Options{MaxConcurrentReconciles: 4}).
		Complete(r)
}
