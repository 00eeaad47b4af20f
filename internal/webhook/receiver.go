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

// Projects finds the project that a delivery is addressed to. The receiver
// calls it for every request, unsigned ones too, so it must answer from memory.
type Projects interface {
	// Lookup returns the project; one that doesn't exist is an error of code
	// not_found.
	Lookup(ctx context.Context, organization, project string) (Target, error)
}

// Target is a project with the webhook secrets that are valid now: one, or two
// during a rotation. With none, every delivery is refused.
type Target struct {
	Project *v1alpha1.Project
	Secrets [][]byte
}

// Deliveries stores deliveries.
type Deliveries interface {
	// Create returns once the delivery is durable. Created is false when a
	// delivery of that name is stored already and needs nothing; a stored one
	// that failed becomes pending again, which counts as created.
	Create(ctx context.Context, delivery *v1alpha1.Delivery) (created bool, err error)
}

// Options is what a Receiver needs. Projects, Deliveries, Drivers and Log must be
// set.
type Options struct {
	Projects   Projects
	Deliveries Deliveries
	Drivers    map[string]scm.Driver // by forge
	Log        *slog.Logger
	// Metrics takes the receiver's metrics; nil means a registry of its own.
	Metrics prometheus.Registerer
	// Gatherer is what /metrics serves; nil means that there is no /metrics.
	Gatherer prometheus.Gatherer
	// Ready is nil when the server can take deliveries; nil means always.
	Ready func(ctx context.Context) error
	// Proxies are the networks whose X-Forwarded-For is trusted.
	Proxies []*net.IPNet
	Limits  Limits
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Receiver is the http.Handler that takes webhooks. It is safe for concurrent
// use.
type Receiver struct {
	echo        *echo.Echo
	options     Options
	limits      Limits
	log         *slog.Logger
	now         func() time.Time
	metrics     metrics
	dummySecret []byte        // a secret that nobody knows
	memory      *memoryBudget // for request bodies

	addressLimit         *allowances // requests, by address
	unauthenticatedLimit *allowances // requests that failed authentication, by address
	projectLimit         *allowances // authenticated deliveries, by project
	writes               *writeSlots // deliveries that are being stored, by project
}

// New returns a Receiver.
func New(options Options) (*Receiver, error) {
	if err := options.check(); err != nil {
		return nil, err
	}
	metrics, err := newMetrics(options.Metrics)
	if err != nil {
		return nil, err
	}
	limits := options.Limits.orDefault()
	r := &Receiver{
		echo: echo.New(), options: options, limits: limits, log: options.Log, now: options.Now, metrics: metrics,
		dummySecret:          newDummySecret(),
		memory:               newMemoryBudget(limits.Memory),
		addressLimit:         newAllowances(limits.Address, limits.Table),
		unauthenticatedLimit: newAllowances(limits.Unauthenticated, limits.Table),
		projectLimit:         newAllowances(limits.Project, limits.Table),
		writes:               newWriteSlots(limits.Writes),
	}
	if r.now == nil {
		r.now = time.Now
	}
	r.route()
	return r, nil
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
	return fault.New(fault.Internal, "the webhook receiver can't be made without %s", missing)
}

// ServeHTTP answers one request.
func (r *Receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) { r.echo.ServeHTTP(w, req) }

func (r *Receiver) route() {
	r.echo.IPExtractor = extractor(r.options.Proxies)
	r.echo.HTTPErrorHandler = r.refuse
	r.echo.POST("/hooks/:organization/:project", r.receive)
	r.echo.GET("/healthz", func(c echo.Context) error { return c.JSON(http.StatusOK, answer{Result: "healthy"}) })
	r.echo.GET("/readyz", r.ready)
	if r.options.Gatherer != nil {
		r.echo.GET("/metrics", echo.WrapHandler(promhttp.HandlerFor(r.options.Gatherer, promhttp.HandlerOpts{})))
	}
}

// extractor takes the peer's address, and X-Forwarded-For only when the peer is
// in one of the given networks.
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

func (r *Receiver) ready(c echo.Context) error {
	if r.options.Ready != nil {
		if err := r.options.Ready(c.Request().Context()); err != nil {
			return refuseAs(http.StatusServiceUnavailable, fault.Unavailable, resultUnavailable, fault.MessageOf(err))
		}
	}
	return c.JSON(http.StatusOK, answer{Result: "ready"})
}
