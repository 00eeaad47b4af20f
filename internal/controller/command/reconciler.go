package command

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"

	"github.com/slipway-dev/slipway/internal/acceptance"
	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/command"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/kube"
	"github.com/slipway-dev/slipway/internal/printable"
	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/projectfile"
	"github.com/slipway-dev/slipway/internal/scm"
)

// Sources reads project files.
type Sources interface {
	// File returns the project file of a head, and its id.
	File(ctx context.Context, p *v1alpha1.Project, head v1alpha1.Head) (*projectfile.Document, string, error)
}

// Reconciler answers the comments that gave a command. It is keyed by delivery, acts
// once for each, and leaves the answer on it; what shows it to people finds it there.
type Reconciler struct {
	Client client.Client
	// Live reads and asks without the watch cache, which may not show yet whose account
	// the sync found.
	Live    client.WithWatch
	Sources Sources
	Now     func() time.Time
	Log     *slog.Logger
}

// Reconcile answers one comment.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	var d v1alpha1.Delivery
	if err := r.Client.Get(ctx, req.NamespacedName, &d); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if !asks(&d) {
		return ctrl.Result{}, nil
	}
	var p v1alpha1.Project
	if err := r.Live.Get(ctx, client.ObjectKey{Namespace: d.Namespace, Name: d.Spec.Project}, &p); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if !p.DeletionTimestamp.IsZero() || p.Spec.Suspend {
		return ctrl.Result{}, nil
	}
	answer, err := r.answer(ctx, &p, &d)
	if code := fault.CodeOf(err); code == fault.Unavailable || code == fault.Internal {
		return ctrl.Result{}, fmt.Errorf("carry out comment %s: %w", d.Spec.Comment, err)
	}
	if err != nil {
		answer = refused(fault.MessageOf(err))
	}
	answer.Message = printable.Passage(answer.Message, 4096)
	after := d.DeepCopy()
	after.Status.Answer = &answer
	r.Log.Info("comment answered", "project", p.Name, "delivery", d.Name, "actor", d.Spec.Actor, "refused", answer.Refused)
	return ctrl.Result{}, kube.PatchStatus(ctx, r.Client, &d, after)
}

// asks reports whether a delivery is a comment that the sync has seen and nobody
// answered.
func asks(d *v1alpha1.Delivery) bool {
	return d.Spec.Event == string(scm.KindComment) && !d.Waits() && d.Status.Answer == nil
}

func refused(message string) v1alpha1.CommandAnswer {
	return v1alpha1.CommandAnswer{Refused: true, Message: message}
}

// silent is the answer that nobody is told.
func silent(message string) v1alpha1.CommandAnswer {
	return v1alpha1.CommandAnswer{Refused: true, Silent: true, Message: message}
}

// answer decides about a comment, and does what it asks for.
func (r *Reconciler) answer(ctx context.Context, p *v1alpha1.Project, d *v1alpha1.Delivery) (v1alpha1.CommandAnswer, error) {
	written := time.Time{}
	if d.Spec.Written != nil {
		written = d.Spec.Written.Time
	}
	switch {
	case d.Spec.Repository != p.Primary().Name:
		return silent("commands are read under pull requests of the primary repository only"), nil
	case d.Status.Attempts > 1:
		return silent("it was delivered again, and counts once"), nil
	case command.IsLate(written, d.Spec.Received.Time):
		return silent(fmt.Sprintf("it was written more than %s before it came; write it again", command.MaxAge)), nil
	}
	c, err := command.Parse(d.Spec.Command)
	if err != nil {
		return refused(fault.MessageOf(err)), nil
	}
	file, err := r.inForce(ctx, p)
	if err != nil {
		return v1alpha1.CommandAnswer{}, err
	}
	login := loginOf(p, d)
	if refusal := command.Refusal(file, c, login, d.Spec.Actor); refusal != "" {
		return refused(refusal), nil
	}
	member, _ := file.Login(login)
	return r.do(ctx, p, d, c, member.User)
}

// inForce returns the project file by which people are members.
func (r *Reconciler) inForce(ctx context.Context, p *v1alpha1.Project) (*project.File, error) {
	if p.Status.File == nil {
		return nil, fault.New(fault.Conflict, "project %s has no %s in force yet", p.Name, project.FileName)
	}
	document, _, err := r.Sources.File(ctx, p, p.Status.File.Head())
	if err != nil {
		return nil, err
	}
	return document.File, nil
}

// loginOf returns the login of the member who wrote a comment, empty for nobody: the
// account must be known to be the member's.
func loginOf(p *v1alpha1.Project, d *v1alpha1.Delivery) string {
	var accounts acceptance.Accounts
	for _, one := range p.KnownIdentities() {
		accounts = append(accounts, acceptance.Account{Login: one.Login, ID: one.ID, Claimed: one.Claimed})
	}
	login, _ := accounts.Member(d.Spec.Actor, d.Spec.ActorID)
	return login
}

// Setup registers the reconciler.
func (r *Reconciler) Setup(mgr ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(mgr).
		Named("command").
		For(&v1alpha1.Delivery{}).
		WithOptions(controller.Options{MaxConcurrentReconciles: 4, RateLimiter: kube.Retries()}).
		Complete(r)
}
