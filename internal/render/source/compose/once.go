package compose

import (
	"maps"
	"math"
	"slices"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/slipway-dev/slipway/internal/render/workload"
)

// jobAttempts is how often a Job may fail that waits for other services, or
// that is restarted on failure, when the file doesn't say it.
const jobAttempts = 6

// oneShots returns the services that end by themselves: others wait until they
// have completed, or they are not restarted and nothing else is expected of
// them.
func (e *expansion) oneShots() map[string]bool {
	once := map[string]bool{}
	served := map[string]bool{}
	for _, name := range e.taken {
		for other, dependency := range e.Project.Services[name].DependsOn {
			if dependency.Condition == types.ServiceConditionCompletedSuccessfully {
				once[other] = true
			} else {
				served[other] = true
			}
		}
	}
	for _, name := range e.taken {
		from := e.Project.Services[name]
		policy := restartPolicy(from)
		ends := policy == types.RestartPolicyNo || policy == types.RestartPolicyOnFailure
		if ends && !served[name] && len(from.Ports) == 0 && len(from.Expose) == 0 && from.HealthCheck == nil && replicasOf(from) == 1 {
			once[name] = true
		}
	}
	maps.DeleteFunc(once, func(name string, _ bool) bool { return !slices.Contains(e.taken, name) })
	return once
}

// restartPolicy returns the policy that is written, wherever; empty when none
// is.
func restartPolicy(from service) string {
	if from.Deploy != nil && from.Deploy.RestartPolicy != nil {
		switch from.Deploy.RestartPolicy.Condition {
		case "none":
			return types.RestartPolicyNo
		case "on-failure":
			return types.RestartPolicyOnFailure
		case "any":
			return types.RestartPolicyAlways
		}
	}
	policy := from.Restart
	if len(policy) > len(types.RestartPolicyOnFailure) && policy[:len(types.RestartPolicyOnFailure)] == types.RestartPolicyOnFailure {
		return types.RestartPolicyOnFailure // on-failure:5
	}
	return policy
}

// restart makes a Job of a service that ends by itself, and lets a service wait
// for the Jobs that must have succeeded before it starts.
func (e *expansion) restart(name string, from service, in *workload.Input) {
	for _, other := range slices.Sorted(maps.Keys(from.DependsOn)) {
		if from.DependsOn[other].Condition == types.ServiceConditionCompletedSuccessfully && e.once[other] {
			in.After = append(in.After, e.names[other])
		}
	}
	policy := restartPolicy(from)
	if e.once[name] {
		in.Once = &workload.Once{Restart: policy != types.RestartPolicyNo, Attempts: jobAttempts}
		if policy == types.RestartPolicyNo && len(from.DependsOn) == 0 {
			in.Once.Attempts = 0
		}
		if from.Deploy != nil && from.Deploy.RestartPolicy != nil && from.Deploy.RestartPolicy.MaxAttempts != nil {
			in.Once.Attempts = int32(min(*from.Deploy.RestartPolicy.MaxAttempts, math.MaxInt16))
		}
		in.Service.Health, in.Probe, in.Service.Scale = nil, nil, nil
		return
	}
	if policy == types.RestartPolicyNo || policy == types.RestartPolicyOnFailure {
		e.Warn(e.key(name, "restart"), "Kubernetes restarts it whenever it ends; a service that ends by itself has neither ports, health check nor services that wait until it is healthy")
	}
}
