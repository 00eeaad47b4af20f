package source

import (
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway/internal/detect/found"
	"github.com/slipway-dev/slipway/internal/project"
)

var (
	// labelledPort finds the port that Traefik's labels lead to.
	labelledPort = regexp.MustCompile(`^traefik\.http\.services\.[^=]+\.loadbalancer\.server\.port$`)
	// labelledPath finds the path in a rule of Traefik.
	labelledPath = regexp.MustCompile("PathPrefix\\([`'\"](/[A-Za-z0-9._~/-]*)[`'\"]\\)")
)

// labelled takes port and paths from labels that lead a proxy to the service.
func (c *compose) labelled(name string, s *found.Service) {
	labels := c.Project.Services[name].Labels
	for _, label := range slices.Sorted(maps.Keys(labels)) {
		if !labelledPort.MatchString(label) || s.Spec.Port != 0 {
			continue
		}
		if port, err := strconv.ParseUint(labels[label], 10, 16); err == nil && port > 0 {
			s.Listen(int32(port))
		}
	}
	for _, label := range slices.Sorted(maps.Keys(labels)) {
		if match := labelledPath.FindStringSubmatch(labels[label]); match != nil && s.Spec.Port != 0 && strings.HasSuffix(label, ".rule") {
			s.Spec.Routes = []project.Route{{Path: match[1]}}
			break
		}
	}
}

// amounts takes over how many replicas there are, and what each may use.
func (c *compose) amounts(name string, s *found.Service) {
	from := c.Project.Services[name]
	replicas := from.Scale
	cpu, memory := float64(from.CPUS), int64(from.MemLimit)
	if memory == 0 {
		memory = int64(from.MemReservation)
	}
	if deploy := from.Deploy; deploy != nil {
		if deploy.Replicas != nil {
			replicas = deploy.Replicas
		}
		if reserved := deploy.Resources.Reservations; reserved != nil {
			cpu, memory = max(cpu, float64(reserved.NanoCPUs)), max(memory, int64(reserved.MemoryBytes))
		}
		if limit := deploy.Resources.Limits; limit != nil {
			cpu, memory = max(cpu, float64(limit.NanoCPUs)), max(memory, int64(limit.MemoryBytes))
		}
		c.leaveDeploy(name)
	}
	if replicas != nil && *replicas != 1 && *replicas >= 0 && *replicas <= 1000 {
		s.Spec.Scale = &project.Scale{Min: int32(*replicas)}
	}
	if cpu > 0 {
		s.Spec.Resources.CPU = fmt.Sprintf("%dm", int64(math.Ceil(cpu*1000)))
	}
	switch {
	case memory <= 0:
	case memory%(1<<20) == 0:
		s.Spec.Resources.Memory = fmt.Sprintf("%dMi", memory>>20)
	default:
		s.Spec.Resources.Memory = fmt.Sprintf("%d", memory)
	}
}

// leaveDeploy names what slipway.yaml has no words for.
func (c *compose) leaveDeploy(name string) {
	keys, _ := c.model[name].(map[string]any)
	deploy, _ := keys["deploy"].(map[string]any)
	for _, one := range [][2]string{
		{"placement", "the cluster chooses nodes"}, {"update_config", "a release replaces pods one at a time"}, {"rollback_config", "the stage's rollback decides it"},
		{"mode", "there are as many pods as scale says"}, {"endpoint_mode", "the Kubernetes Service decides it"}, {"restart_policy", "Kubernetes starts a service again whenever it ends"},
		{"labels", "labels of services have no readers here: give the service routes"},
	} {
		if deploy[one[0]] != nil {
			c.leave("services."+name+".deploy."+one[0], c.At("services", name, "deploy", one[0]), one[1])
		}
	}
}

// health takes the command of a health check over.
func (c *compose) health(name string, s *found.Service) {
	check := c.Project.Services[name].HealthCheck
	if check == nil || check.Disable || len(check.Test) < 2 || check.Test[0] == "NONE" {
		return
	}
	command := []string(check.Test[1:])
	if check.Test[0] == "CMD-SHELL" {
		command = []string{"/bin/sh", "-c", strings.Join(command, " ")}
	}
	s.Spec.Health = &project.Health{Command: command}
	if check.StartPeriod != nil {
		seconds := int64(*check.StartPeriod) / 1e9
		s.Spec.Health.InitialDelay = int32(min(max(seconds, 0), 3600))
	}
	var left []string
	for _, one := range []struct {
		key   string
		given bool
	}{{"interval", check.Interval != nil}, {"timeout", check.Timeout != nil}, {"retries", check.Retries != nil}, {"start_interval", check.StartInterval != nil}} {
		if one.given {
			left = append(left, one.key)
		}
	}
	if len(left) > 0 {
		c.leave("services."+name+".healthcheck", c.At("services", name, "healthcheck"), "slipway.yaml has no word for its "+strings.Join(left, ", ")+": Slipway's own are used")
	}
}
