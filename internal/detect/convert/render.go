package convert

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway/internal/detect/found"
	"github.com/slipway-dev/slipway/internal/detect/language"
	"github.com/slipway-dev/slipway/internal/project"
)

// renderKeys says what becomes of the keys of a service of render.yaml that
// are not taken.
func renderKeys() map[string]string {
	return map[string]string{
		"plan": "the sizes of Render are not those here: give the service resources", "region": "the cluster is where the platform team put it", "autoDeploy": "each push to the stage's branch is released: slipway pause stops that",
		"autoDeployTrigger": "each push to the stage's branch is released; requires.checks waits for checks", "branch": "a stage says which branch feeds it", "repo": "it is this repository",
		"domains": "hosts of a stage are under stages[].hosts", "buildFilter": "what an image is built from decides whether it is built anew", "headers": "add them in what serves the pages",
		"routes": "rewrites belong into what serves the pages: those of single-page applications are in the Dockerfile that is written for them", "ipAllowList": "the cluster's ingress decides who gets in",
		"previews": "previews of pull requests are under previews in slipway.yaml", "pullRequestPreviewsEnabled": "previews of pull requests are under previews in slipway.yaml", "maxShutdownDelaySeconds": "Kubernetes gives 30 seconds",
		"initialDeployHook": "it runs once in the life of a service, and release runs before each version: give it there if it may run again and again", "registryCredential": "the Cluster names the credentials that images are pulled with",
		"renderSubdomainPolicy": "the cluster's domain is used", "previewPlan": "previews have the sizes of the stage that they are made from", "name": "", "type": "", "runtime": "", "env": "", "maxmemoryPolicy": "give it as an argument of the server",
	}
}

// fromRender makes services of a render.yaml.
func fromRender(_ context.Context, c *conversion) error {
	documents, err := c.documents(c.names[0])
	if err != nil {
		return err
	}
	m := documents[0]
	groups := map[string]mapping{}
	for _, group := range m.items("envVarGroups") {
		groups[group.text("name")] = group
	}
	c.renderAll(m, groups)
	for _, one := range m.items("projects") {
		for i, environment := range one.items("environments") {
			if i > 0 {
				environment.leave("name", "only the first environment of a project is taken: each is a stage of its own")
				continue
			}
			c.renderAll(environment, groups)
			environment.rest(map[string]string{"name": "", "protected": "say protected of the stage", "networkIsolationEnabled": ""})
		}
		one.rest(map[string]string{"name": ""})
	}
	m.rest(map[string]string{"previews": "previews of pull requests are under previews in slipway.yaml", "version": "", "ungrouped": ""})
	return nil
}

// renderAll takes the databases and services of a part of the file.
func (c *conversion) renderAll(m mapping, groups map[string]mapping) {
	for _, one := range m.items("databases") {
		with := map[string]any{}
		for key, parameter := range map[string]string{"databaseName": "database", "user": "user", "postgresMajorVersion": "version"} {
			if value := one.text(key); value != "" {
				with[parameter] = value
			}
		}
		if size := one.number("diskSizeGB"); size > 0 {
			with["storage"] = strconv.Itoa(int(size)) + "Gi"
		}
		c.Services = append(c.Services, database(one.text("name"), "postgres", one.where("name"), with))
		one.rest(renderKeys())
	}
	for _, one := range m.items("services") {
		c.renderService(one, groups)
	}
}

// renderService takes one service.
func (c *conversion) renderService(m mapping, groups map[string]mapping) {
	kind, runtime := m.text("type"), m.text("runtime", "env")
	name := found.Name(m.text("name"))
	if kind == "redis" || kind == "keyvalue" {
		c.Services = append(c.Services, database(name, "redis", m.where("name"), nil))
		m.rest(renderKeys())
		return
	}
	service, ok := c.renderSource(m, runtime)
	if !ok {
		m.leave("name", "the service is left out: nothing says how its image is made")
		return
	}
	service.Name, service.Why = name, m.where("name")
	c.renderCommands(m, &service)
	for _, one := range m.items("envVars") {
		c.renderVariable(one, &service, groups)
	}
	if path := m.text("healthCheckPath"); strings.HasPrefix(path, "/") {
		service.Spec.Health = &project.Health{Path: path}
	}
	renderScale(m, &service)
	if disk := m.mapping("disk"); disk.text("mountPath") != "" {
		size := max(disk.number("sizeGB"), 1)
		service.Spec.Volumes = append(service.Spec.Volumes, project.Volume{Path: strings.TrimRight(disk.text("mountPath"), "/"), Size: strconv.Itoa(int(size)) + "Gi"})
		disk.rest(map[string]string{"name": ""})
	}
	switch kind {
	case "worker":
		unreached(&service, false)
	case "pserv":
		unreached(&service, true)
	case "cron", "job":
		unreached(&service, false)
		service.Spec.Schedule, service.Spec.Scale, service.Spec.Release = m.text("schedule"), nil, nil
	case "web":
		if service.Spec.Port == 0 && runtime != "static" {
			service.Listen(10000)
			service.SetEnv("PORT", "10000")
			service.Hint("service %s: port 10000 is what Render gives in PORT; correct port if the program listens on another one", name)
		}
	}
	m.rest(renderKeys())
	c.Services = append(c.Services, service)
}

// renderSource finds what the service runs.
func (c *conversion) renderSource(m mapping, runtime string) (found.Service, bool) {
	if url := m.mapping("image").text("url"); url != "" {
		return found.Service{Spec: project.Service{Image: strings.TrimPrefix(url, "docker.io/")}}, true
	}
	dir := clean(m.text("rootDir"))
	if runtime == "docker" || m.has("dockerfilePath") {
		context := dir
		if given := m.text("dockerContext"); given != "" {
			context = clean(given)
		}
		dockerfile := m.text("dockerfilePath")
		if dockerfile == "" {
			dockerfile = context + "/Dockerfile"
		}
		return c.build(context, clean(dockerfile), context)
	}
	return c.build(dir, "", "")
}

// renderCommands takes the commands over.
func (c *conversion) renderCommands(m mapping, service *found.Service) {
	if command := m.text("dockerCommand", "startCommand"); command != "" {
		service.Spec.Command = language.Shell(command)
		if strings.Contains(command, "&&") || strings.Contains(command, ";") {
			service.Spec.Command = []string{"sh", "-c", command}
		}
	}
	if command := m.text("preDeployCommand"); command != "" {
		service.Spec.Release = &project.Hook{Command: []string{"sh", "-c", command}}
	}
	if m.has("buildCommand") {
		m.leave("buildCommand", "the Dockerfile builds as the program's own files say: compare it with %.120q", m.text("buildCommand"))
	}
	if m.has("staticPublishPath") {
		m.leave("staticPublishPath", "the Dockerfile says where the pages are: compare it with %.120q", m.text("staticPublishPath"))
	}
}

func renderScale(m mapping, service *found.Service) {
	if n := m.number("numInstances"); n > 1 {
		service.Spec.Scale = &project.Scale{Min: min(n, 1000)}
	}
	scaling := m.mapping("scaling")
	if least, most := scaling.number("minInstances"), scaling.number("maxInstances"); most > 0 {
		service.Spec.Scale = &project.Scale{Min: min(max(least, 1), 1000), Max: min(most, 1000), CPU: min(scaling.number("targetCPUPercent"), 100)}
		scaling.rest(map[string]string{"targetMemoryPercent": "replicas follow the use of CPU only"})
	}
}

// renderVariable takes one variable over.
func (c *conversion) renderVariable(m mapping, service *found.Service, groups map[string]mapping) {
	key := m.text("key")
	database, other := m.mapping("fromDatabase"), m.mapping("fromService")
	switch {
	case m.text("fromGroup") != "":
		group, known := groups[m.text("fromGroup")]
		if !known {
			m.leave("fromGroup", "the file has no group of that name: give its variables with env")
			return
		}
		for _, one := range group.items("envVars") {
			c.renderVariable(one, service, groups)
		}
	case database.text("name") != "":
		renderAddress(m, service, key, address{"fromDatabase", database.text("name"), database.text("property"), "5432", "DATABASE_URL"})
	case other.text("name") != "":
		property := other.text("property")
		if kind := other.text("type"); kind == "redis" || kind == "keyvalue" {
			renderAddress(m, service, key, address{"fromService", other.text("name"), property, "6379", "REDIS_URL"})
			return
		}
		if other.has("envVarKey") {
			other.leave("envVarKey", "variables are not taken from other services: give %s its value", key)
			return
		}
		renderAddress(m, service, key, address{"fromService", other.text("name"), property, "10000", ""})
	case m.text("generateValue") == "true", m.text("sync") == "false", found.IsSecret(key, m.text("value")):
		service.Hold(key)
		m.leave("key", "%s is secret or generated, so it belongs into the Secret %s-secrets", key, service.Name)
	default:
		service.SetEnv(key, m.text("value"))
	}
	m.rest(map[string]string{"previewValue": "what differs in previews is under previews.services in slipway.yaml", "value": "", "sync": "", "generateValue": ""})
}

// address is what a variable takes of another service.
type address struct {
	field          string // that says it
	name, property string
	port           string
	// variable is what the Secret of a template calls the whole address.
	variable string
}

// renderAddress gives a variable what another service is reached at. The whole
// address of a database is in the Secret of its template.
func renderAddress(m mapping, service *found.Service, key string, of address) {
	name := found.Name(of.name)
	switch of.property {
	case "host":
		service.SetEnv(key, name)
	case "port":
		service.SetEnv(key, of.port)
	case "hostport":
		service.SetEnv(key, name+":"+of.port)
	case "connectionString", "connectionPoolString":
		secret := name + "-credentials"
		if !slices.Contains(service.Spec.Secrets, secret) {
			service.Spec.Secrets = append(service.Spec.Secrets, secret)
		}
		if key != of.variable {
			m.leave(of.field, "the Secret %s calls it %s: let the program read that, or map it", secret, of.variable)
		}
	default:
		m.leave(of.field, "%s of another service is not passed on: the Secret %s-credentials has what the template makes", of.property, name)
	}
}
