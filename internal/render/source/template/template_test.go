package template_test

import (
	"crypto/rand"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/render/source"
	"github.com/slipway-dev/slipway/internal/render/source/template"
)

func catalog(t *testing.T, own source.Templates) *template.Catalog {
	t.Helper()
	c, err := template.NewCatalog(own)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestEveryTemplateExpandsWithItsDefaults(t *testing.T) {
	c := catalog(t, source.Templates{})
	want := []string{"adminer", "go", "mailpit", "mariadb", "memcached", "minio", "mongodb", "mysql", "nats", "node", "postgres", "python", "rabbitmq", "redis", "static", "valkey"}
	if diff := cmp.Diff(want, c.Names()); diff != "" {
		t.Errorf("templates (-want +got):\n%s", diff)
	}
	for _, name := range c.Names() {
		t.Run(name, func(t *testing.T) {
			services, secrets, err := c.Expand(map[string]project.Service{"one": {Template: name}})
			if err != nil {
				t.Fatal(err)
			}
			if s := services["one"]; s.Port == 0 || s.Resources.Memory == "" {
				t.Errorf("%+v has no port or no memory", s)
			}
			for _, secret := range secrets {
				checkSecret(t, secret)
			}
			again, none, err := c.Expand(services)
			if err != nil || len(none) > 0 || cmp.Diff(services, again) != "" {
				t.Errorf("expanding twice changes something (%v): %s", err, cmp.Diff(services, again))
			}
		})
	}
}

func checkSecret(t *testing.T, secret source.Secret) {
	t.Helper()
	data, err := secret.Fill(nil, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for key, value := range data {
		if len(value) == 0 || strings.Contains(string(value), "${") {
			t.Errorf("%s of %s is %q", key, secret.Name, value)
		}
	}
	again, err := secret.Fill(data, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(data, again); diff != "" {
		t.Errorf("filling again changes values (-first +second):\n%s", diff)
	}
}

func TestExpand(t *testing.T) {
	c := catalog(t, source.Templates{})
	services, secrets, err := c.Expand(map[string]project.Service{"db": {
		Template: "postgres",
		With:     project.Parameters{"version": "17", "storage": "5Gi", "database": "shop"},
		Env:      map[string]string{"TZ": "UTC", "MOTD": "$(TZ)"},
		Deadline: "9m",
	}})
	if err != nil {
		t.Fatal(err)
	}
	user := int64(999)
	want := project.Service{
		Image: "postgres:17", Port: 5432, Deadline: "9m",
		Env:       map[string]string{"PGDATA": "/var/lib/postgresql/data/pgdata", "TZ": "UTC", "MOTD": "$$(TZ)"},
		Secrets:   []string{"db-credentials"},
		Health:    &project.Health{Command: []string{"pg_isready", "-h", "127.0.0.1", "-U", "app", "-d", "shop"}},
		Volumes:   []project.Volume{{Name: "data", Path: "/var/lib/postgresql/data", Size: "5Gi"}},
		Resources: project.Resources{CPU: "100m", Memory: "256Mi"},
		Security:  &project.Security{RunAsUser: &user, WritableRoot: new(true)},
	}
	if diff := cmp.Diff(want, services["db"]); diff != "" {
		t.Errorf("service (-want +got):\n%s", diff)
	}
	if got := secrets[0].Values["DATABASE_URL"].Format; got != "postgres://app:${POSTGRES_PASSWORD}@db:5432/shop?sslmode=disable" {
		t.Errorf("the address's format is %s", got)
	}
}

func TestConditions(t *testing.T) {
	c := catalog(t, source.Templates{})
	for storage, volumes := range map[string]int{"0": 0, "1Gi": 1} {
		services, _, err := c.Expand(map[string]project.Service{"cache": {Template: "redis", With: project.Parameters{"storage": storage}}})
		if err != nil {
			t.Fatal(err)
		}
		if got := len(services["cache"].Volumes); got != volumes {
			t.Errorf("with storage %s: %d volumes, want %d", storage, got, volumes)
		}
		if got := strings.Contains(strings.Join(services["cache"].Args, " "), "--appendonly yes"); got != (volumes == 1) {
			t.Errorf("with storage %s: arguments %q", storage, services["cache"].Args)
		}
	}
}

func TestRefusals(t *testing.T) {
	own := source.Templates{Locks: map[string]map[string]any{"postgres": {"version": "16"}, "redis": {"eviction": "noeviction"}}}
	cases := map[string]struct {
		service project.Service
		code    fault.Code
		says    string
	}{
		"unknown template":   {project.Service{Template: "oracle"}, fault.Invalid, "there is no template"},
		"unknown parameter":  {project.Service{Template: "postgres", With: project.Parameters{"sise": "1Gi"}}, fault.Invalid, `no parameter "sise"`},
		"below the minimum":  {project.Service{Template: "postgres", With: project.Parameters{"storage": "1Mi"}}, fault.Invalid, "from 256Mi to 1Ti"},
		"above the maximum":  {project.Service{Template: "static", With: project.Parameters{"port": 70000}}, fault.Invalid, "from 1 to 65535"},
		"not in the list":    {project.Service{Template: "mysql", With: project.Parameters{"version": "5"}}, fault.Invalid, "one of 8.0, 8.4, 9.4"},
		"wrong type":         {project.Service{Template: "static", With: project.Parameters{"port": "80"}}, fault.Invalid, "whole number"},
		"injected parameter": {project.Service{Template: "postgres", With: project.Parameters{"database": "${user}"}}, fault.Invalid, "is no name"},
		"injected text":      {project.Service{Template: "postgres", With: project.Parameters{"database": "a; drop"}}, fault.Invalid, "is no name"},
		"a list as a value":  {project.Service{Template: "postgres", With: project.Parameters{"database": []any{"a"}}}, fault.Invalid, "is no name"},
		"locked":             {project.Service{Template: "postgres", With: project.Parameters{"version": "17"}}, fault.Denied, "fixed it at 16"},
		"lock not lockable":  {project.Service{Template: "redis"}, fault.Invalid, "can't be locked"},
	}
	c := catalog(t, own)
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			_, _, err := c.Expand(map[string]project.Service{"one": test.service})
			if fault.CodeOf(err) != test.code || !strings.Contains(err.Error(), test.says) {
				t.Errorf("got %v, want %s with %q", err, test.code, test.says)
			}
		})
	}
}

func TestOwnTemplates(t *testing.T) {
	own := source.Templates{Templates: map[string][]byte{"queue.yaml": []byte(`
name: queue
description: our queue with its page
parameters:
  workers: {type: integer, default: 2, max: 9, description: how many}
  page: {type: boolean, default: false, description: show a page}
service:
  image: registry.example/queue:1
  port: 4000
  args: ["--workers=${workers}"]
also:
  page: {image: registry.example/queue-page:1, port: 8080, env: {QUEUE: "${service}:4000", WORKERS: "${workers}"}}
`)}}
	services, _, err := catalog(t, own).Expand(map[string]project.Service{"jobs": {Template: "queue", With: project.Parameters{"workers": 5}}})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]project.Service{
		"jobs":      {Image: "registry.example/queue:1", Port: 4000, Args: []string{"--workers=5"}},
		"jobs-page": {Image: "registry.example/queue-page:1", Port: 8080, Env: map[string]string{"QUEUE": "jobs:4000", "WORKERS": "5"}},
	}
	if diff := cmp.Diff(want, services); diff != "" {
		t.Errorf("services (-want +got):\n%s", diff)
	}
	for name, text := range map[string]string{
		"unknown field":    "name: x\ndescription: d\nservice: {image: x}\nextra: 1\n",
		"no service":       "name: x\ndescription: d\n",
		"bad name":         "name: X y\ndescription: d\nservice: {image: x}\n",
		"bad default":      "name: x\ndescription: d\nparameters: {a: {type: integer, default: no, description: d}}\nservice: {image: x}\n",
		"unknown type":     "name: x\ndescription: d\nparameters: {a: {type: float, default: 1, description: d}}\nservice: {image: x}\n",
		"alias bomb":       "name: x\ndescription: d\nservice: &a {image: x, env: *a}\n",
		"several":          "name: x\n---\nname: y\n",
		"not YAML":         "name: [\n",
		"nested far":       "name: x\ndescription: d\nservice: " + strings.Repeat("{a: ", 100) + "1" + strings.Repeat("}", 100) + "\n",
		"reserved service": "name: x\ndescription: d\nparameters: {service: {type: string, default: a, description: d}}\nservice: {image: x}\n",
	} {
		if _, err := template.NewCatalog(source.Templates{Templates: map[string][]byte{"own.yaml": []byte(text)}}); fault.CodeOf(err) != fault.Invalid || !strings.Contains(err.Error(), "own.yaml") {
			t.Errorf("%s: got %v, want an invalid error that names own.yaml", name, err)
		}
	}
}
