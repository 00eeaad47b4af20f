package entrance

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"

	"sigs.k8s.io/yaml"

	"github.com/slipway-dev/slipway/internal/naming"
)

// separator separates the documents of manifests.
const separator = "\n---\n"

// Ports of the gate that requests come in at: each backend of a preview has its own, so
// that it doesn't matter what paths and hosts a router makes of a request.
const (
	FirstPort   = 8100
	MaxBackends = 16
)

// Backend is a port of a Kubernetes Service that routes lead to.
type Backend struct {
	Service string
	Port    int32
	// Name is the port's; it may be empty.
	Name string
	// Listens is the gate's port for it.
	Listens int32
}

// Gated returns manifests whose Ingresses and HTTPRoutes lead to the gate, and what they
// led to before: each routed Kubernetes Service gets another beside it without a
// selector, whose EndpointSlice is the gate's. The first keeps its pods, so that
// services of the stage reach each other as ever. Beyond MaxBackends, and where a route
// names a Service that isn't among the manifests, routes stay as they are.
func Gated(manifests []byte) ([]byte, []Backend, error) {
	m, err := readRouted(manifests)
	if err != nil {
		return nil, nil, err
	}
	backends := m.backends()
	if len(backends) == 0 {
		return manifests, nil, nil
	}
	for _, reference := range m.references {
		if slices.ContainsFunc(backends, func(b Backend) bool { return reference.leadsTo(b) }) {
			reference.fields["name"] = naming.GateService(reference.service)
			m.changed[reference.document] = true
		}
	}
	out, err := m.bytes(backends)
	return out, backends, err
}

// routed are the manifests that matter here.
type routed struct {
	documents  [][]byte
	objects    map[int]map[string]any // by document
	services   map[string]map[string]any
	references []reference
	changed    map[int]bool
}

// reference is where a route names a port of a Kubernetes Service.
type reference struct {
	document int
	fields   map[string]any // has the Service's name
	service  string
	name     string // of the port, empty where the route gives the number
	number   int32
}

// leadsTo reports whether a reference names a backend.
func (r reference) leadsTo(b Backend) bool {
	return r.service == b.Service && (r.name != "" && r.name == b.Name || r.name == "" && r.number == b.Port)
}

func readRouted(manifests []byte) (*routed, error) {
	m := &routed{documents: bytes.Split(manifests, []byte(separator)), objects: map[int]map[string]any{}, services: map[string]map[string]any{}, changed: map[int]bool{}}
	for i, document := range m.documents {
		if !bytes.Contains(document, []byte("kind: Service")) && !bytes.Contains(document, []byte("kind: Ingress")) && !bytes.Contains(document, []byte("kind: HTTPRoute")) {
			continue
		}
		object, err := decode(document)
		if err != nil {
			return nil, fmt.Errorf("read document %d: %w", i, err)
		}
		m.objects[i] = object
		switch object["kind"] {
		case "Service":
			m.services[text(fields(object, "metadata"), "name")] = object
		case "Ingress":
			m.ingress(i, object)
		case "HTTPRoute":
			m.route(i, object)
		}
	}
	return m, nil
}

// ingress adds the backends that an Ingress names.
func (m *routed) ingress(document int, object map[string]any) {
	for _, rule := range list(fields(object, "spec"), "rules") {
		for _, path := range list(fields(rule, "http"), "paths") {
			service := fields(fields(path, "backend"), "service")
			port := fields(service, "port")
			m.add(reference{document: document, fields: service, service: text(service, "name"), name: text(port, "name"), number: number(port, "number")})
		}
	}
}

// route adds the backends that an HTTPRoute names.
func (m *routed) route(document int, object map[string]any) {
	for _, rule := range list(fields(object, "spec"), "rules") {
		for _, backend := range list(rule, "backendRefs") {
			if kind := text(backend, "kind"); kind != "" && kind != "Service" {
				continue
			}
			named, _ := backend.(map[string]any)
			m.add(reference{document: document, fields: named, service: text(backend, "name"), number: number(backend, "port")})
		}
	}
}

func (m *routed) add(r reference) {
	if r.fields != nil && r.service != "" {
		m.references = append(m.references, r)
	}
}

// backends returns what the routes lead to, with the gate's ports.
func (m *routed) backends() []Backend {
	var all []Backend
	for _, r := range m.references {
		for _, port := range list(fields(m.services[r.service], "spec"), "ports") {
			b := Backend{Service: r.service, Port: number(port, "port"), Name: text(port, "name")}
			if r.leadsTo(b) && !slices.Contains(all, b) {
				all = append(all, b)
			}
		}
	}
	slices.SortFunc(all, func(a, b Backend) int { return cmp.Or(cmp.Compare(a.Service, b.Service), cmp.Compare(a.Port, b.Port)) })
	all = all[:min(len(all), MaxBackends)]
	for i := range all {
		all[i].Listens = FirstPort + int32(i) //nolint:gosec // at most MaxBackends
	}
	return all
}

// bytes returns the manifests with what changed, and the Services that lead to the gate.
func (m *routed) bytes(backends []Backend) ([]byte, error) {
	documents := slices.Clone(m.documents)
	for i := range documents {
		if m.changed[i] {
			encoded, err := encode(m.objects[i])
			if err != nil {
				return nil, err
			}
			documents[i] = encoded
		}
		documents[i] = bytes.TrimSuffix(documents[i], []byte("\n"))
	}
	for _, service := range gateServices(m.services, backends) {
		encoded, err := encode(service)
		if err != nil {
			return nil, err
		}
		documents = append(documents, bytes.TrimSuffix(encoded, []byte("\n")))
	}
	return append(bytes.Join(documents, []byte(separator)), '\n'), nil
}

// gateServices returns the Kubernetes Services without a selector, one for each that
// backends are of, in their order.
func gateServices(services map[string]map[string]any, backends []Backend) []map[string]any {
	var all []map[string]any
	for start := 0; start < len(backends); {
		name := backends[start].Service
		var ports []any
		for ; start < len(backends) && backends[start].Service == name; start++ {
			b := backends[start]
			port := map[string]any{"port": b.Port, "targetPort": b.Listens, "protocol": "TCP"}
			if b.Name != "" {
				port["name"] = b.Name
			}
			ports = append(ports, port)
		}
		metadata := map[string]any{"name": naming.GateService(name)}
		for _, key := range []string{"namespace", "labels"} {
			if value, set := fields(services[name], "metadata")[key]; set {
				metadata[key] = value
			}
		}
		all = append(all, map[string]any{
			"apiVersion": "v1", "kind": "Service", "metadata": metadata,
			"spec": map[string]any{"type": "ClusterIP", "ports": ports},
		})
	}
	return all
}

func decode(document []byte) (map[string]any, error) {
	asJSON, err := yaml.YAMLToJSON(document)
	if err != nil {
		return nil, err
	}
	decoder := json.NewDecoder(bytes.NewReader(asJSON))
	decoder.UseNumber()
	var object map[string]any
	return object, decoder.Decode(&object)
}

func encode(object map[string]any) ([]byte, error) {
	asJSON, err := json.Marshal(object)
	if err != nil {
		return nil, err
	}
	return yaml.JSONToYAML(asJSON)
}

func fields(object any, key string) map[string]any {
	m, _ := object.(map[string]any)
	found, _ := m[key].(map[string]any)
	return found
}

func list(object any, key string) []any {
	m, _ := object.(map[string]any)
	found, _ := m[key].([]any)
	return found
}

func text(object any, key string) string {
	m, _ := object.(map[string]any)
	found, _ := m[key].(string)
	return found
}

func number(object any, key string) int32 {
	m, _ := object.(map[string]any)
	found, _ := m[key].(json.Number)
	n, err := found.Int64()
	if err != nil || n < 1 || n > 65535 {
		return 0
	}
	return int32(n)
}
