package convert

import (
	"context"
	"path"
	"strings"

	"github.com/slipway-dev/slipway/internal/detect/files"
	"github.com/slipway-dev/slipway/internal/detect/found"
	"github.com/slipway-dev/slipway/internal/project"
)

// fromAppJSON makes services of what Heroku's app.json says beside the
// Procfile.
func fromAppJSON(_ context.Context, c *conversion) error {
	documents, err := c.documents(c.names[0])
	if err != nil {
		return err
	}
	m, d := documents[0], files.Dir{Tree: c.tree, Path: path.Dir(c.names[0])}
	var services []found.Service
	if image := m.text("image"); image != "" && !strings.HasPrefix(image, "heroku/") {
		services = []found.Service{{Name: "web", Why: c.names[0], Spec: project.Service{Image: image}}}
	} else if service, ok := c.build(d.Path, "", ""); ok {
		services = c.processes(d, service)
	}
	addons, secrets := addonsOf(m, c.names[0])
	for i := range services {
		environment(m.mapping("env"), &services[i], i == 0)
		services[i].Spec.Secrets = append(services[i].Spec.Secrets, secrets...)
		formation(m.mapping("formation").mapping(services[i].Name), &services[i])
	}
	for _, name := range m.mapping("formation").keys() {
		if name != "" && !hasService(services, name) {
			m.mapping("formation").leave(name, "the Procfile has no process of that name")
		}
	}
	scripts := m.mapping("scripts")
	for _, name := range scripts.keys() {
		scripts.leave(name, "it runs once in the life of an application, and release runs before each version: give it there if it may run again and again")
	}
	m.rest(map[string]string{
		"name": "", "description": "", "keywords": "", "website": "", "repository": "", "logo": "", "success_url": "", "$schema": "",
		"buildpacks": "images are built from Dockerfiles, not by buildpacks", "stack": "the Dockerfile says what the image starts from",
		"environments": "what differs per stage is under services.NAME.stages and previews in slipway.yaml",
	})
	c.Services = append(services, addons...)
	return nil
}

func hasService(services []found.Service, name string) bool {
	for _, service := range services {
		if service.Name == name {
			return true
		}
	}
	return false
}

// environment takes variables over. What has no value, or a generated one, must
// be given.
func environment(env mapping, service *found.Service, report bool) {
	for _, name := range env.keys() {
		value, secret := env.text(name), false
		if one := env.mapping(name); one.node != nil {
			value = one.text("value")
			secret = one.text("generator") == "secret" || value == "" && one.text("required") != "false"
		}
		switch {
		case secret || found.IsSecret(name, value):
			service.Hold(name)
			if report {
				env.leave(name, "it is secret or must be given, so it belongs into the Secret %s", service.SecretName())
			}
		case value != "":
			service.SetEnv(name, value)
		case report:
			env.leave(name, "it has no value and need not have one")
		}
	}
}

// formation takes the number of a process's dynos over.
func formation(m mapping, service *found.Service) {
	if quantity := m.number("quantity"); quantity > 1 || m.has("quantity") && quantity == 0 {
		service.Spec.Scale = &project.Scale{Min: min(quantity, 1000)}
	}
	m.rest(map[string]string{"size": "the sizes of dynos are not those here: give the service resources"})
}

// addonsOf makes services of those add-ons that there is a template for, and
// returns the Secrets with their addresses.
func addonsOf(m mapping, why string) (services []found.Service, secrets []string) {
	for _, addon := range m.items("addons") {
		plan := addon.text("plan", "")
		kind, _, _ := strings.Cut(plan, ":")
		template, known := map[string]string{
			"heroku-postgresql": "postgres", "heroku-redis": "redis", "rediscloud": "redis", "redistogo": "redis", "heroku-data-for-redis": "redis", "jawsdb": "mysql", "cleardb": "mysql",
			"jawsdb-maria": "mariadb", "mongolab": "mongodb", "ormongo": "mongodb", "cloudamqp": "rabbitmq", "memcachier": "memcached", "memcachedcloud": "memcached",
		}[kind]
		if !known {
			addon.leave("", "there is no service template for %.60s: give the program its address with env, or with slipway seal", plan)
			continue
		}
		name := map[string]string{"postgres": "db", "redis": "cache"}[template]
		if name == "" {
			name = template
		}
		if hasService(services, name) {
			addon.leave("", "there is a service %s already", name)
			continue
		}
		services = append(services, database(name, template, why+", add-on "+kind, nil))
		if template != "memcached" {
			secrets = append(secrets, name+"-credentials")
		}
		addon.rest(map[string]string{"as": "the names of the variables are those of the template: slipway templates show " + template})
	}
	return services, secrets
}
