package entrance_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	coordinationv1 "k8s.io/api/coordination/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/entrance"
)

const manifests = `apiVersion: v1
data:
  kind: Service of a poem
kind: ConfigMap
metadata:
  name: note
---
apiVersion: v1
kind: Service
metadata:
  labels:
    slipway.dev/service: web
  name: web
  namespace: sw-acme-shop-pr-7
spec:
  ports:
  - name: http
    port: 8080
    targetPort: http
  - name: admin
    port: 9090
    targetPort: admin
  selector:
    app: web
---
apiVersion: v1
kind: Service
metadata:
  name: api
spec:
  ports:
  - port: 80
  selector:
    app: api
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: web
spec:
  rules:
  - host: web-pr-7-shop.apps.example
    http:
      paths:
      - backend:
          service:
            name: web
            port:
              name: http
        path: /
        pathType: Prefix
      - backend:
          service:
            name: gone
            port:
              number: 80
        path: /gone
        pathType: Prefix
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata:
  name: api
spec:
  hostnames:
  - api-pr-7-shop.apps.example
  rules:
  - backendRefs:
    - name: api
      port: 80
    - name: web
      port: 9090
`

// Routes lead to the gate, Services keep their pods, and all else stays.
func TestGated(t *testing.T) {
	got, backends, err := entrance.Gated([]byte(manifests))
	if err != nil {
		t.Fatal(err)
	}
	want := []entrance.Backend{
		{Service: "api", Port: 80, Listens: 8100}, {Service: "web", Port: 8080, Name: "http", Listens: 8101}, {Service: "web", Port: 9090, Name: "admin", Listens: 8102},
	}
	if diff := cmp.Diff(want, backends); diff != "" {
		t.Errorf("backends (-want +got):\n%s", diff)
	}
	text := strings.NewReplacer(
		"            name: web\n", "            name: slipway-gate-web\n",
		"    - name: api\n      port: 80\n    - name: web\n", "    - name: slipway-gate-api\n      port: 80\n    - name: slipway-gate-web\n",
	).Replace(manifests) + `---
apiVersion: v1
kind: Service
metadata:
  name: slipway-gate-api
spec:
  ports:
  - port: 80
    protocol: TCP
    targetPort: 8100
  type: ClusterIP
---
apiVersion: v1
kind: Service
metadata:
  labels:
    slipway.dev/service: web
  name: slipway-gate-web
  namespace: sw-acme-shop-pr-7
spec:
  ports:
  - name: http
    port: 8080
    protocol: TCP
    targetPort: 8101
  - name: admin
    port: 9090
    protocol: TCP
    targetPort: 8102
  type: ClusterIP
`
	if diff := cmp.Diff(text, string(got)); diff != "" {
		t.Errorf("manifests (-want +got):\n%s", diff)
	}
}

// What nobody routes to stays as it is, byte for byte; what is too much, too.
func TestGatedLeavesTheRest(t *testing.T) {
	plain := strings.SplitN(manifests, "apiVersion: networking", 2)[0]
	for _, text := range []string{"", plain} {
		if got, backends, err := entrance.Gated([]byte(text)); err != nil || string(got) != text || len(backends) != 0 {
			t.Errorf("%v, %d backends:\n%s", err, len(backends), got)
		}
	}
	var many strings.Builder
	many.WriteString("apiVersion: v1\nkind: Service\nmetadata:\n  name: web\nspec:\n  ports:\n")
	for port := range entrance.MaxBackends + 1 {
		many.WriteString("  - name: p" + string(rune('a'+port)) + "\n    port: " + string(rune('1'+port/10)) + string(rune('0'+port%10)) + "\n")
	}
	many.WriteString("---\napiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata:\n  name: web\nspec:\n  rules:\n  - host: web.example\n    http:\n      paths:\n")
	for port := range entrance.MaxBackends + 1 {
		many.WriteString("      - backend: {service: {name: web, port: {name: p" + string(rune('a'+port)) + "}}}\n")
	}
	got, backends, err := entrance.Gated([]byte(many.String()))
	if err != nil || len(backends) != entrance.MaxBackends || strings.Count(string(got), "name: web\n            port:") != 1 {
		t.Errorf("%v, %d backends:\n%s", err, len(backends), got)
	}
	if _, _, err := entrance.Gated([]byte("kind: Service\n\tbroken")); err == nil {
		t.Error("what is no YAML is led to the gate")
	}
}

func TestSlices(t *testing.T) {
	backends := []entrance.Backend{{Service: "api", Port: 80, Listens: 8100}, {Service: "web", Port: 8080, Name: "http", Listens: 8101}, {Service: "web", Port: 9090, Name: "admin", Listens: 8102}}
	endpoint := func(address string, ready *bool) discoveryv1.Endpoint {
		return discoveryv1.Endpoint{Addresses: []string{address}, Conditions: discoveryv1.EndpointConditions{Ready: ready}}
	}
	gate := []discoveryv1.EndpointSlice{
		{AddressType: "IPv4", Endpoints: []discoveryv1.Endpoint{endpoint("10.0.0.9", new(true)), endpoint("10.0.0.7", nil), endpoint("10.0.0.8", new(false))}},
		{AddressType: "IPv4", Endpoints: []discoveryv1.Endpoint{endpoint("10.0.0.7", new(true))}},
		{AddressType: "FQDN", Endpoints: []discoveryv1.Endpoint{endpoint("gate.example", nil)}},
	}
	var got []string
	for _, slice := range entrance.Slices("sw-acme-shop-pr-7", map[string]string{"slipway.dev/stage": "pr-7"}, backends, gate) {
		text := slice.Namespace + "/" + slice.Name + " of " + slice.Labels[discoveryv1.LabelServiceName] + " in " + slice.Labels["slipway.dev/stage"] + ":"
		for _, e := range slice.Endpoints {
			text += " " + e.Addresses[0]
		}
		for _, port := range slice.Ports {
			text += " " + *port.Name + "=" + time.Duration(*port.Port).String()
		}
		got = append(got, text)
	}
	want := []string{
		"sw-acme-shop-pr-7/slipway-gate-api-ipv4 of slipway-gate-api in pr-7: 10.0.0.7 10.0.0.9 =8.1µs",
		"sw-acme-shop-pr-7/slipway-gate-web-ipv4 of slipway-gate-web in pr-7: 10.0.0.7 10.0.0.9 http=8.101µs admin=8.102µs",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, slice := range entrance.Slices("sw-acme-shop-pr-7", nil, backends, []discoveryv1.EndpointSlice{{AddressType: "IPv6", Endpoints: []discoveryv1.Endpoint{endpoint("fd00::7", new(false))}}}) {
		if slice.AddressType != "IPv6" || len(slice.Endpoints) != 0 {
			t.Errorf("no gate is ready, and requests go to %+v", slice.Endpoints)
		}
		got = got[1:]
	}
	if len(got) != 0 {
		t.Errorf("%d slices are left as they were", len(got))
	}
}

// What the server writes is what the gate reads.
func TestEntranceAndConfigMap(t *testing.T) {
	stage := &v1alpha1.Stage{ObjectMeta: metav1.ObjectMeta{Namespace: "slipway-org-acme", Name: "shop-pr-7"}}
	written := entrance.Entrance{
		Project: "shop", Stage: "pr-7", Hosts: []string{"web-pr-7-shop.apps.example"}, Backends: map[int32]string{8100: "web.sw-acme-shop-pr-7.svc:8080"},
		State: entrance.Asleep, Sleep: "shop-pr-7-4", Phase: v1alpha1.PhaseSucceeded, Message: "asleep",
	}
	object, err := written.ConfigMap("slipway-gate", entrance.Name(stage))
	if err != nil {
		t.Fatal(err)
	}
	if namespace, name, ok := entrance.StageOf(object.Name); !ok || namespace != stage.Namespace || name != stage.Name {
		t.Errorf("%s is for %s/%s", object.Name, namespace, name)
	}
	read, err := entrance.Read(object)
	if diff := cmp.Diff(written, read); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	object.Data[entrance.Key] = "{"
	if _, err := entrance.Read(object); err == nil {
		t.Error("half an entrance was read")
	}
}

func TestVisited(t *testing.T) {
	now := time.Date(2026, 1, 15, 12, 0, 0, 0, time.UTC)
	at := func(minutes int) time.Time { return now.Add(time.Duration(minutes) * time.Minute) }
	const never = 1000
	tests := map[string]struct {
		known, asleep int // minutes from now
		visit         entrance.Visit
		sleep         string
		want          int
	}{
		"nobody came":                  {known: never, asleep: never, want: never},
		"the first visit":              {known: never, asleep: never, visit: entrance.Visit{At: at(-3)}, want: -3},
		"another visit":                {known: -9, asleep: never, visit: entrance.Visit{At: at(-3)}, want: -3},
		"one that is known":            {known: -3, asleep: never, visit: entrance.Visit{At: at(-3)}, want: -3},
		"an earlier one":               {known: -3, asleep: never, visit: entrance.Visit{At: at(-9)}, want: -3},
		"in the future":                {known: -9, asleep: never, visit: entrance.Visit{At: at(60)}, want: 0},
		"before it fell asleep":        {known: -30, asleep: -10, visit: entrance.Visit{At: at(-20)}, sleep: "r4", want: -20},
		"upon the sleep":               {known: -30, asleep: -10, visit: entrance.Visit{At: at(-3), Wakes: "r4"}, sleep: "r4", want: -3},
		"upon the sleep, a slow clock": {known: -30, asleep: -10, visit: entrance.Visit{At: at(-60), Wakes: "r4"}, sleep: "r4", want: 0},
		"upon the sleep, known":        {known: -3, asleep: -10, visit: entrance.Visit{At: at(-60), Wakes: "r4"}, sleep: "r4", want: 0},
		"upon an earlier sleep":        {known: -30, asleep: -10, visit: entrance.Visit{At: at(-60), Wakes: "r2"}, sleep: "r4", want: -30},
		"falls asleep still":           {known: -30, asleep: never, visit: entrance.Visit{At: at(-60), Wakes: "r4"}, sleep: "r4", want: -30},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			stage := &v1alpha1.Stage{}
			if tt.known != never {
				stage.Status.Visited = new(metav1.NewMicroTime(at(tt.known)))
			}
			if tt.asleep != never {
				stage.Status.Asleep = &v1alpha1.Asleep{Since: metav1.NewMicroTime(at(tt.asleep))}
			}
			lease := entrance.NewLease("slipway-gate", "x")
			if !tt.visit.At.IsZero() {
				lease.Annotations = map[string]string{"slipway.dev/wakes": tt.visit.Wakes}
				lease.Spec = coordinationv1.LeaseSpec{RenewTime: new(metav1.NewMicroTime(tt.visit.At))}
			}
			got := entrance.Visited(stage, entrance.VisitOf(lease), tt.sleep, now)
			if (got == nil) != (tt.want == never) || got != nil && !got.Time.Equal(at(tt.want)) {
				t.Errorf("visited %v, want %d minutes from noon", got, tt.want)
			}
		})
	}
}
