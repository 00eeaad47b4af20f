package convert

import (
	"context"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway/internal/detect/files"
	"github.com/slipway-dev/slipway/internal/detect/found"
	"github.com/slipway-dev/slipway/internal/detect/language"
	"github.com/slipway-dev/slipway/internal/project"
)

// mogeniusFiles returns the files of .mogenius, one per branch, that of the
// usual branches first.
func mogeniusFiles(t *files.Tree) []string {
	d := files.Dir{Tree: t, Path: ".mogenius"}
	names := slices.Concat(d.Match("*.yaml"), d.Match("*.yml"))
	slices.SortStableFunc(names, func(a, b string) int { return branchRank(a) - branchRank(b) })
	for i, name := range names {
		names[i] = d.Join(name)
	}
	return names
}

func branchRank(name string) int {
	branch := strings.TrimSuffix(path.Base(name), path.Ext(name))
	if at := slices.Index([]string{"main", "master", "production", "prod", "trunk"}, branch); at >= 0 {
		return at
	}
	return 9
}

// mogeniusKeys says what becomes of keys that are not taken.
func mogeniusKeys() map[string]string {
	return map[string]string{
		"displayName": "", "name": "", "id": "", "serviceType": "", "controllerName": "", "controller": "", "type": "", "gitRepository": "", "gitBranch": "a stage says which branch feeds it", "gitCommitHash": "", "gitCommitAuthor": "", "gitCommitMessage": "",
		"deploymentStrategy": "a release replaces pods one at a time", "imagePullPolicy": "images are pinned by digest", "ephemeralStorageMB": "the stage's limits decide it",
		"appGitRepositoryCloneUrl": "", "appSetupCommands": "the Dockerfile says how the image is made",
	}
}

// fromMogenius makes a service of mogenius' file of the branch that is
// deployed. Those of other branches are named.
func fromMogenius(_ context.Context, c *conversion) error {
	documents, err := c.documents(c.names[0])
	if err != nil {
		return err
	}
	for _, m := range documents {
		containers := m.items("containers")
		if len(containers) == 0 {
			containers = []mapping{m}
		}
		for i, container := range containers {
			if i > 0 {
				container.leave("name", "a service has one container here: make a service of its own of it")
				continue
			}
			c.mogeniusService(m, container)
		}
	}
	for _, other := range c.names[1:] {
		branch := strings.TrimSuffix(path.Base(other), path.Ext(other))
		c.leave(other, "it is the service on the branch "+branch+": add a stage {name: "+found.Name(branch)+", branch: "+branch+"}, and what differs under services.NAME.stages."+found.Name(branch))
	}
	return nil
}

// mogeniusService takes a service and its container, which are one mapping in
// files that mogenius keeps in a repository.
func (c *conversion) mogeniusService(m, container mapping) {
	service, ok := found.Service{}, true
	switch image := container.text("containerImage"); {
	case image != "":
		service.Spec.Image = image
		if command := container.text("containerImageCommand"); command != "" {
			service.Spec.Command = language.Shell(command + " " + container.text("containerImageCommandArgs"))
		}
	default:
		context := clean(container.text("dockerContext"))
		dockerfile := ""
		if name := container.text("dockerfileName"); name != "" {
			dockerfile = path.Join(context, clean(name))
		}
		service, ok = c.build(context, dockerfile, context)
	}
	if !ok {
		return
	}
	service.Name = found.Name(m.text("displayName"))
	service.Why = m.where("displayName")
	mogeniusPorts(m, &service)
	for _, one := range container.items("envVars") {
		mogeniusVariable(one, &service)
	}
	limits := container.mapping("k8sSettings")
	if limits.node == nil {
		limits = container.mapping("kubernetesLimits")
	}
	if cpu, err := strconv.ParseFloat(limits.text("limitCpuCores"), 64); err == nil && cpu > 0 && cpu < 1000 {
		service.Spec.Resources.CPU = strconv.Itoa(int(cpu*1000)) + "m"
	}
	if memory := limits.number("limitMemoryMB"); memory > 0 {
		service.Spec.Resources.Memory = strconv.Itoa(int(memory)) + "Mi"
	}
	replicas := max(limits.number("replicaCount"), m.number("replicaCount"))
	if replicas > 1 {
		service.Spec.Scale = &project.Scale{Min: min(replicas, 1000)}
	}
	if schedule := m.mapping("cronJobSettings"); schedule.text("schedule") != "" {
		unreached(&service, false)
		service.Spec.Schedule, service.Spec.Scale = schedule.text("schedule"), nil
		schedule.rest(nil)
	}
	for _, key := range container.keys() {
		if strings.HasPrefix(key, "containerImageRepo") {
			container.leave(key, "the Cluster says how images are pulled")
		}
	}
	limits.rest(mogeniusKeys())
	container.rest(mogeniusKeys())
	if container.field != m.field {
		m.rest(mogeniusKeys())
	}
	c.Services = append(c.Services, service)
}

// mogeniusPorts takes the ports over: the first one that is exposed has routes.
func mogeniusPorts(m mapping, service *found.Service) {
	listed := m.items("ports")
	if m.has("ports") {
		service.Spec.Routes = nil
		if len(listed) == 0 {
			service.Hint("service %s: no port is exposed in %s: add routes if it is to be reached", service.Name, m.file)
		}
	}
	if len(listed) > 0 {
		service.Forget("EXPOSE")
	}
	for _, one := range listed {
		number := one.number("internalPort")
		switch {
		case number == 0 || number > 65535:
			one.leave("internalPort", "it is no port")
		case strings.Contains(strings.ToUpper(one.text("portType")), "UDP"):
			one.leave("internalPort", "it is UDP, which services here don't open")
		case service.Spec.Port == 0 || service.Spec.Port == number || len(service.Spec.Routes) == 0 && one.text("expose") == "true":
			service.Spec.Port = number
			if one.text("expose") == "true" {
				service.Spec.Routes = []project.Route{{Path: "/"}}
			}
		default:
			if service.Spec.Ports == nil {
				service.Spec.Ports = map[string]int32{}
			}
			service.Spec.Ports["port-"+strconv.Itoa(int(number))] = number
		}
		for _, name := range one.items("cNames") {
			name.leave("cName", "hosts of a stage are under stages[].hosts")
		}
		one.rest(map[string]string{"portType": "", "externalPort": "", "expose": "", "id": ""})
	}
}

// mogeniusVariable takes a variable over: what comes from a vault belongs into a
// Secret.
func mogeniusVariable(m mapping, service *found.Service) {
	name, kind := m.text("name"), m.text("type")
	data := m.mapping("data")
	value := m.text("value")
	if value == "" {
		value = data.text("value")
	}
	switch {
	case strings.Contains(kind, "VOLUME"):
		if target := data.text("volumeDestination"); strings.HasPrefix(target, "/") {
			service.Spec.Volumes = append(service.Spec.Volumes, project.Volume{Path: path.Clean(target), Size: "1Gi"})
			m.leave("name", "the volume %s is a new, empty one of 1Gi: copy its files over", data.text("volumeName"))
		}
	case strings.Contains(kind, "VAULT") || found.IsSecret(name, value):
		service.Hold(name)
		m.leave("name", "%s is secret, so it belongs into the Secret %s-secrets", name, service.Name)
	case kind == "CHANGE_OWNER":
		m.leave("name", "volumes belong to the user that the service runs as")
	default:
		service.SetEnv(name, value)
	}
}
