package webhook

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/naming"
	"github.com/slipway-dev/slipway/internal/scm"
)

// request is one delivery that is being received.
type request struct {
	organization, project string
	forge                 string
	driver                scm.Driver
	header                http.Header
	body                  []byte
	from                  string // the sender's key
	limited               bool   // the sender has used up its unauthenticated requests
	target                Target
	received              time.Time
}

// receive handles one delivery, the cheapest check first. Nothing is parsed
// before its signature is verified.
func (r *Receiver) receive(c echo.Context) error {
	started := r.now()
	reply, status, err := r.take(c, started)
	if err != nil {
		r.metrics.deliveries.WithLabelValues(string(refusalOf(err).result)).Inc()
		return err
	}
	r.metrics.deliveries.WithLabelValues(reply.Result).Inc()
	r.metrics.seconds.Observe(r.now().Sub(started).Seconds())
	return c.JSON(status, reply)
}

func (r *Receiver) take(c echo.Context, started time.Time) (answer, int, error) {
	req := &request{
		organization: c.Param("organization"), project: c.Param("project"),
		header: c.Request().Header, from: sender(c.RealIP()), received: started,
	}
	if !r.addressLimit.take(req.from, started) {
		return answer{}, 0, refuseAs(http.StatusTooManyRequests, fault.Unavailable, resultLimited, "too many requests came from this address; send them slower")
	}
	req.limited = !r.unauthenticatedLimit.left(req.from, started)
	release, err := r.readRequest(c, req)
	defer release()
	if err == nil {
		err = r.authenticate(c.Request().Context(), req)
	}
	if err != nil {
		return answer{}, 0, r.reject(c, req, err)
	}
	r.metrics.bytes.Observe(float64(len(req.body)))
	if !r.projectLimit.take(req.organization+"/"+req.project, started) {
		return answer{}, 0, refuseAs(http.StatusTooManyRequests, fault.Unavailable, resultLimited, "this project has too many deliveries; the next sync finds what this one reports")
	}
	reply, status, err := r.keep(c.Request().Context(), req)
	r.logAuthenticated(c, req, reply, err)
	return reply, status, err
}

// reject ends a request that failed authentication. One from a limited sender
// is not logged, so that nobody can fill the log.
func (r *Receiver) reject(c echo.Context, req *request, err error) error {
	if refusalOf(err).status >= http.StatusInternalServerError {
		r.logRefused(c, req, err)
		return err
	}
	if req.limited {
		return refuseAs(http.StatusTooManyRequests, fault.Denied, resultLimited, "too many requests without a valid signature came from this address; check the hook's secret")
	}
	r.unauthenticatedLimit.take(req.from, req.received)
	r.logRefused(c, req, err)
	return err
}

// limitedBody bounds the bodies that are read from a limited sender. Its address
// may be a forge's, which anyone can make send requests without a valid
// signature, so its other deliveries must still be received.
const limitedBody = 1 << 20

// readRequest identifies the forge by the headers, checks them, and reads the body.
func (r *Receiver) readRequest(c echo.Context, req *request) (release func(), err error) {
	if req.forge, req.driver = r.identifyForge(req.header); req.driver == nil {
		return func() {}, refuseAs(http.StatusBadRequest, fault.Invalid, resultMalformed, "the headers match no forge that Slipway knows; send webhooks of a supported forge")
	}
	limit := req.driver.MaxBody()
	if req.limited {
		limit = min(limit, limitedBody)
	}
	if err := checkHead(c.Request(), limit); err != nil {
		return func() {}, err
	}
	req.body, release, err = r.read(c, limit)
	return release, err
}

// identifyForge returns the driver that matches the headers, unless several do.
func (r *Receiver) identifyForge(h http.Header) (forge string, driver scm.Driver) {
	matches := 0
	for name, candidate := range r.options.Drivers {
		if candidate.Matches(h) {
			forge, driver = name, candidate
			matches++
		}
	}
	if matches != 1 {
		return "", nil
	}
	return forge, driver
}

// authenticate verifies the body with the secrets of the project that it is
// addressed to. A project that doesn't exist, or doesn't use this forge, gets
// the dummy secret, so that it takes the same time and gives the same answer.
func (r *Receiver) authenticate(ctx context.Context, req *request) error {
	target, err := r.lookup(ctx, req)
	if err != nil {
		return err
	}
	known := target.Project != nil && uses(target.Project, req.forge) && len(target.Secrets) > 0
	if !known {
		target.Secrets = nil
	}
	if err := req.driver.Verify(req.header, req.body, r.pad(target.Secrets)); err != nil || !known {
		return unauthenticated().because(err)
	}
	req.target = target
	return nil
}

// pad adds dummy secrets up to the number that is always tried, so that the
// time doesn't reveal how many are real.
func (r *Receiver) pad(secrets [][]byte) [][]byte {
	padded := slices.Clone(secrets)
	for len(padded) < scm.MaxSecrets {
		padded = append(padded, r.dummySecret)
	}
	return padded
}

// maxNameLength is how long an organization's or a project's name may be.
const maxNameLength = 40

// isName reports whether s can be an organization's or a project's name.
func isName(s string) bool {
	if s == "" || len(s) > maxNameLength || s[0] == '-' || s[len(s)-1] == '-' {
		return false
	}
	return strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

func (r *Receiver) lookup(ctx context.Context, req *request) (Target, error) {
	if !isName(req.organization) || !isName(req.project) {
		return Target{}, nil
	}
	target, err := r.options.Projects.Lookup(ctx, req.organization, req.project)
	switch {
	case fault.CodeOf(err) == fault.NotFound:
		return Target{}, nil
	case err != nil:
		return Target{}, busy("projects can't be looked up now; send it again later").because(err)
	}
	return target, nil
}

func uses(project *v1alpha1.Project, forge string) bool {
	for _, repository := range project.Spec.Repositories {
		if repository.Forge == forge {
			return true
		}
	}
	return false
}

// keep parses an authenticated body and stores its events, unless they are of
// no interest.
func (r *Receiver) keep(ctx context.Context, req *request) (answer, int, error) {
	event, err := req.driver.Parse(req.header, req.body)
	if err != nil {
		return answer{}, 0, refuseAs(http.StatusBadRequest, fault.Invalid, resultMalformed, fault.MessageOf(err))
	}
	repository, err := req.repositoryOf(event)
	if err != nil {
		return answer{}, 0, err
	}
	if reason := event.Uninteresting(); reason != "" {
		return answer{Result: string(resultIgnored), Reason: reason}, http.StatusOK, nil
	}
	return r.persist(ctx, req, repository, event)
}

// persist stores each event of a delivery. When one fails, the forge or its user
// sends all of them again, and those that were stored are duplicates.
func (r *Receiver) persist(ctx context.Context, req *request, repository string, event scm.Event) (answer, int, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.limits.Create)
	defer cancel()
	release, err := r.writes.take(ctx, req.organization+"/"+req.project)
	if err != nil {
		return answer{}, 0, err
	}
	defer release()
	reply, status := answer{Result: string(resultDuplicate)}, http.StatusOK
	for _, each := range event.Each() {
		delivery := req.delivery(repository, each)
		created, err := r.options.Deliveries.Create(ctx, delivery)
		if err != nil {
			return answer{}, 0, storeRefusal(err)
		}
		if created {
			reply.Result, status = string(resultAccepted), http.StatusAccepted
		}
		if reply.Delivery == "" {
			reply.Delivery = delivery.Name
		}
	}
	return reply, status, nil
}

// repositoryOf returns the project's name for the repository of an event, empty
// for an event without one. Forges compare paths without regard to case.
func (r *request) repositoryOf(event scm.Event) (string, error) {
	if event.Repository == "" {
		return "", nil
	}
	for _, repository := range r.target.Project.Spec.Repositories {
		if repository.Forge == r.forge && strings.EqualFold(repository.Path, event.Repository) {
			return repository.Name, nil
		}
	}
	return "", refuseAs(http.StatusForbidden, fault.Denied, resultForeign, fmt.Sprintf("the repository %s is not one of project %s; add it to the project, or remove this hook", event.Repository, r.project))
}

// delivery returns the durable form of an event.
func (r *request) delivery(repository string, event scm.Event) *v1alpha1.Delivery {
	delivery := &v1alpha1.Delivery{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: naming.OrganizationNamespace(r.organization),
			Name:      naming.Delivery(r.project, r.forge, event.Delivery),
			Labels:    map[string]string{naming.LabelProject: naming.LabelValue(r.project)},
		},
		Spec: v1alpha1.DeliverySpec{
			Project: r.project, Repository: repository, Forge: r.forge, ID: event.Delivery, Event: string(event.Kind),
			Ref: event.Ref, Before: event.Before, After: event.After, Actor: event.Actor, ActorID: event.ActorID,
			Received: metav1.NewMicroTime(r.received),
		},
	}
	if event.PullRequest != nil {
		delivery.Spec.PullRequest = event.PullRequest.Number
		delivery.Spec.Action = string(event.PullRequest.Action)
	}
	if event.Comment != nil {
		r.command(delivery, event.Comment)
	}
	return delivery
}

// command puts a comment's command into its delivery. Its name is the comment's, not
// the delivery's: several hooks may report it, and it counts once.
func (r *request) command(delivery *v1alpha1.Delivery, posted *scm.PostedComment) {
	delivery.Name = naming.Delivery(r.project, r.forge, "comment "+delivery.Spec.Repository+" "+posted.ID)
	delivery.Spec.Comment = posted.ID
	delivery.Spec.Command, _ = posted.Command()
	if !posted.Written.IsZero() {
		delivery.Spec.Written = &metav1.Time{Time: posted.Written}
	}
}

// storeRefusal returns the refusal of a delivery that could not be stored.
func storeRefusal(err error) error {
	if fault.CodeOf(err) == fault.Unavailable || errors.Is(err, context.DeadlineExceeded) {
		return busy("the delivery can't be stored now; send it again later").because(err)
	}
	return refuseAs(http.StatusInternalServerError, fault.Internal, resultInternal, "the delivery can't be stored; the server's log has the details").because(err)
}

// newDummySecret returns a secret that nobody knows.
func newDummySecret() []byte {
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // crypto/rand never fails: it ends the program
	return secret
}
