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

// request is one delivery on its way through the door.
type request struct {
	organization, project string
	forge                 string
	driver                scm.Driver
	header                http.Header
	body                  []byte
	from                  string // the sender's key
	suspect               bool   // the sender sent too much that wasn't believed
	target                Target
	received              time.Time
}

// receive takes one delivery: from the cheapest check to the durable object,
// and nothing is parsed before its signature is right.
func (d *Receiver) receive(c echo.Context) error {
	started := d.now()
	reply, status, err := d.take(c, started)
	if err != nil {
		d.counts.deliveries.WithLabelValues(string(refusalOf(err).result)).Inc()
		return err
	}
	d.counts.deliveries.WithLabelValues(reply.Result).Inc()
	d.counts.seconds.Observe(d.now().Sub(started).Seconds())
	return c.JSON(status, reply)
}

func (d *Receiver) take(c echo.Context, started time.Time) (answer, int, error) {
	r := &request{
		organization: c.Param("organization"), project: c.Param("project"),
		header: c.Request().Header, from: sender(c.RealIP()), received: started,
	}
	if !d.senders.take(r.from, started) {
		return answer{}, 0, refuseAs(http.StatusTooManyRequests, fault.Unavailable, resultLimited, "too many requests came from this address; send them slower")
	}
	r.suspect = !d.strangers.left(r.from, started)
	release, err := d.enter(c, r)
	defer release()
	if err == nil {
		err = d.authenticate(c.Request().Context(), r)
	}
	if err != nil {
		return answer{}, 0, d.reject(c, r, err)
	}
	d.counts.bytes.Observe(float64(len(r.body)))
	if !d.flow.take(r.organization+"/"+r.project, started) {
		return answer{}, 0, refuseAs(http.StatusTooManyRequests, fault.Unavailable, resultLimited, "this project has too many deliveries; the next sync finds what this one tells")
	}
	reply, status, err := d.keep(c.Request().Context(), r)
	d.logAuthenticated(c, r, reply, err)
	return reply, status, err
}

// reject ends a request that wasn't believed. A sender of too many of them
// fills no log.
func (d *Receiver) reject(c echo.Context, r *request, err error) error {
	if refusalOf(err).status >= http.StatusInternalServerError {
		d.logRefused(c, r, err)
		return err
	}
	if r.suspect {
		return refuseAs(http.StatusTooManyRequests, fault.Denied, resultLimited, "too many requests without a valid signature came from this address; check the hook's secret")
	}
	d.strangers.take(r.from, r.received)
	d.logRefused(c, r, err)
	return err
}

// suspectBody is how much is read from an address that sent too many requests
// without a valid signature. Such an address may be a forge's, which anyone
// can make send such requests, so its other deliveries must still get in.
const suspectBody = 1 << 20

// enter checks the head, knows the forge by it, and reads the body.
func (d *Receiver) enter(c echo.Context, r *request) (release func(), err error) {
	if r.forge, r.driver = d.identifyForge(r.header); r.driver == nil {
		return func() {}, refuseAs(http.StatusBadRequest, fault.Invalid, resultMalformed, "the headers are those of no forge that is known here")
	}
	limit := r.driver.MaxBody()
	if r.suspect {
		limit = min(limit, suspectBody)
	}
	if err := checkHead(c.Request(), limit); err != nil {
		return func() {}, err
	}
	r.body, release, err = d.read(c, limit)
	return release, err
}

// identifyForge returns the one driver that claims a request.
func (d *Receiver) identifyForge(h http.Header) (forge string, driver scm.Driver) {
	claims := 0
	for name, candidate := range d.options.Drivers {
		if candidate.Matches(h) {
			forge, driver = name, candidate
			claims++
		}
	}
	if claims != 1 {
		return "", nil
	}
	return forge, driver
}

// authenticate verifies the body with the secrets of the project that it is
// addressed to. A project that doesn't exist, or doesn't use this forge, has
// a secret that nobody knows, so it takes the same time and the same answer.
func (d *Receiver) authenticate(ctx context.Context, r *request) error {
	target, err := d.lookup(ctx, r)
	if err != nil {
		return err
	}
	known := target.Project != nil && uses(target.Project, r.forge) && len(target.Secrets) > 0
	if !known {
		target.Secrets = nil
	}
	if err := r.driver.Verify(r.header, r.body, d.pad(target.Secrets)); err != nil || !known {
		return unbelieved().because(err)
	}
	r.target = target
	return nil
}

// pad adds secrets that nobody knows up to the number that is always tried, so
// that the time doesn't tell how many are real.
func (d *Receiver) pad(secrets [][]byte) [][]byte {
	padded := slices.Clone(secrets)
	for len(padded) < scm.MaxSecrets {
		padded = append(padded, d.decoy)
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

func (d *Receiver) lookup(ctx context.Context, r *request) (Target, error) {
	if !isName(r.organization) || !isName(r.project) {
		return Target{}, nil
	}
	target, err := d.options.Projects.Lookup(ctx, r.organization, r.project)
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

// keep parses a believed body and makes it durable, unless it is of no
// interest.
func (d *Receiver) keep(ctx context.Context, r *request) (answer, int, error) {
	event, err := r.driver.Parse(r.header, r.body)
	if err != nil {
		return answer{}, 0, refuseAs(http.StatusBadRequest, fault.Invalid, resultMalformed, fault.MessageOf(err))
	}
	repository, err := r.repositoryOf(event)
	if err != nil {
		return answer{}, 0, err
	}
	if reason := event.Uninteresting(); reason != "" {
		return answer{Result: string(resultIgnored), Reason: reason}, http.StatusOK, nil
	}
	return d.persist(ctx, r, repository, event)
}

// persist makes each event of a delivery durable. When one can't be, the forge
// or its user sends all of them again, and those that are kept are duplicates.
func (d *Receiver) persist(ctx context.Context, r *request, repository string, event scm.Event) (answer, int, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), d.limits.Create)
	defer cancel()
	leave, err := d.flights.enter(ctx, r.organization+"/"+r.project)
	if err != nil {
		return answer{}, 0, err
	}
	defer leave()
	reply, status := answer{Result: string(resultDuplicate)}, http.StatusOK
	for _, each := range event.Each() {
		delivery := r.delivery(repository, each)
		created, err := d.options.Deliveries.Create(ctx, delivery)
		if err != nil {
			return answer{}, 0, undurable(err)
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

// repositoryOf returns the project's name of the repository that an event is
// about; forges compare paths without case. Events about none have none.
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
			Ref: event.Ref, Before: event.Before, After: event.After, Actor: event.Actor,
			Received: metav1.NewMicroTime(r.received),
		},
	}
	if event.PullRequest != nil {
		delivery.Spec.PullRequest = event.PullRequest.Number
		delivery.Spec.Action = string(event.PullRequest.Action)
	}
	if event.Comment != nil {
		delivery.Spec.Comment = event.Comment.ID
	}
	return delivery
}

func undurable(err error) error {
	if fault.CodeOf(err) == fault.Unavailable || errors.Is(err, context.DeadlineExceeded) {
		return busy("the delivery can't be kept now; send it again later").because(err)
	}
	return refuseAs(http.StatusInternalServerError, fault.Internal, resultInternal, "the delivery can't be kept; the server's log has the details").because(err)
}

// newDecoy returns a secret that nobody knows.
func newDecoy() []byte {
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // crypto/rand never fails: it ends the program
	return secret
}
