// Package webhook is the door: it takes the forges' deliveries, believes only
// what is signed with a project's secret, keeps each as a Delivery before it
// answers, and tells the sender what became of it.
//
// It must not know what a delivery leads to. Nothing of a body is ever
// logged, and a request for a project that doesn't exist can't be told from
// one with a wrong signature.
package webhook

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/scm"
)

// Projects finds the project that a delivery is addressed to. It is asked for
// every request, also unsigned ones, so it must answer from memory.
type Projects interface {
	// Lookup returns the project; one that doesn't exist is an error of code
	// not_found.
	Lookup(ctx context.Context, organization, project string) (Target, error)
}

// Target is a project with the webhook secrets that are valid now: one, or
// two while rotating. None means that nothing is accepted.
type Target struct {
	Project *v1alpha1.Project
	Secrets [][]byte
}

// Deliveries keeps deliveries.
type Deliveries interface {
	// Create returns once the delivery is durable. Created is false when one
	// of that name is kept already and needs nothing; a kept one that failed is
	// made pending again, and that counts as created.
	Create(ctx context.Context, delivery *v1alpha1.Delivery) (created bool, err error)
}

// Options is what a Door needs. Projects, Deliveries, Drivers and Log must be
// set.
type Options struct {
	Projects   Projects
	Deliveries Deliveries
	Drivers    map[string]scm.Driver // by forge
	Log        *slog.Logger
	// Metrics is where the door counts; nil means a registry of its own.
	Metrics prometheus.Registerer
	// Gatherer is what /metrics shows; nil means that there is no /metrics.
	Gatherer prometheus.Gatherer
	// Ready is nil when the server can take deliveries; nil means always.
	Ready func(ctx context.Context) error
	// Proxies are the networks whose X-Forwarded-For is believed.
	Proxies []*net.IPNet
	Limits  Limits
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Receiver is an http.Handler, safe for concurrent use.
type Receiver struct {
	echo      *echo.Echo
	options   Options
	limits    Limits
	log       *slog.Logger
	now       func() time.Time
	counts    counts
	senders   *allowances   // of requests, by address
	strangers *allowances   // of requests that weren't believed, by address
	flow      *allowances   // of believed deliveries, by project
	flights   *flights      // of deliveries being kept, by project
	memory    *memoryBudget // of bodies in flight
	decoy     []byte        // a secret that nobody knows
}

// New returns a Door.
func New(options Options) (*Receiver, error) {
	if err := options.check(); err != nil {
		return nil, err
	}
	counts, err := newCounts(options.Metrics)
	if err != nil {
		return nil, err
	}
	limits := options.Limits.orDefault()
	d := &Receiver{
		echo: echo.New(), options: options, limits: limits, log: options.Log, now: options.Now, counts: counts, decoy: newDecoy(),
		senders:   newAllowances(limits.Address, limits.Table),
		strangers: newAllowances(limits.Unbelieved, limits.Table),
		flow:      newAllowances(limits.Project, limits.Table),
		flights:   newFlights(limits.Flight),
		memory:    newMemoryBudget(limits.Memory),
	}
	if d.now == nil {
		d.now = time.Now
	}
	d.route()
	return d, nil
}

func (o Options) check() error {
	missing := ""
	switch {
	case o.Projects == nil:
		missing = "Projects"
	case o.Deliveries == nil:
		missing = "Deliveries"
	case len(o.Drivers) == 0:
		missing = "Drivers"
	case o.Log == nil:
		missing = "Log"
	default:
		return nil
	}
	return fault.New(fault.Internal, "the door can't be made without %s", missing)
}

// ServeHTTP answers one request.
func (d *Receiver) ServeHTTP(w http.ResponseWriter, r *http.Request) { d.echo.ServeHTTP(w, r) }

func (d *Receiver) route() {
	d.echo.IPExtractor = extractor(d.options.Proxies)
	d.echo.HTTPErrorHandler = d.refuse
	d.echo.POST("/hooks/:organization/:project", d.receive)
	d.echo.GET("/healthz", func(c echo.Context) error { return c.JSON(http.StatusOK, answer{Result: "healthy"}) })
	d.echo.GET("/readyz", d.ready)
	if d.options.Gatherer != nil {
		d.echo.GET("/metrics", echo.WrapHandler(promhttp.HandlerFor(d.options.Gatherer, promhttp.HandlerOpts{})))
	}
}

// extractor believes the peer's address, and X-Forwarded-For only from the
// given networks.
func extractor(proxies []*net.IPNet) echo.IPExtractor {
	if len(proxies) == 0 {
		return echo.ExtractIPDirect()
	}
	trust := []echo.TrustOption{echo.TrustLoopback(false), echo.TrustLinkLocal(false), echo.TrustPrivateNet(false)}
	for _, network := range proxies {
		trust = append(trust, echo.TrustIPRange(network))
	}
	return echo.ExtractIPFromXFFHeader(trust...)
}

func (d *Receiver) ready(c echo.Context) error {
	if d.options.Ready != nil {
		if err := d.options.Ready(c.Request().Context()); err != nil {
			return refuseAs(http.StatusServiceUnavailable, fault.Unavailable, resultUnavailable, fault.MessageOf(err))
		}
	}
	return c.JSON(http.StatusOK, answer{Result: "ready"})
}
