package compose

import (
	"fmt"
	"strings"
)

// treatment is what happens to a key.
type treatment string

const (
	mapped  treatment = "mapped"
	ignored treatment = "ignored"
	warned  treatment = "warning"
	refused treatment = "error"
)

// key is a key of a service in a Compose file.
type key struct {
	name      string
	treatment treatment
	// text says what the key becomes, or why not and what to do.
	text string
}

// keys is the whole table. A key that is missing here is refused.
func keys() []key {
	return append(append(mappedKeys(), ignoredKeys()...), append(warnedKeys(), refusedKeys()...)...)
}

func mappedKeys() []key {
	return []key{
		{"image", mapped, "the container's image"},
		{"command", mapped, "the container's arguments"},
		{"entrypoint", mapped, "the container's command"},
		{"working_dir", mapped, "the container's working directory"},
		{"environment", mapped, "environment variables; one without a value is an error, because there is no environment to take it from"},
		{"env_file", mapped, "environment variables from files of the repository, below those of environment"},
		{"ports", mapped, "ports of the Kubernetes Service, under the container's port; only TCP"},
		{"expose", mapped, "ports of the Kubernetes Service"},
		{"volumes", mapped, "a named or anonymous volume becomes a persistent volume (1Gi, or x-slipway.size of the top-level volume); tmpfs becomes an empty directory; a bind mount is an error"},
		{"tmpfs", mapped, "empty directories that end with the pod"},
		{"configs", mapped, "files from content or from a file of the repository, mounted read-only"},
		{"healthcheck", mapped, "readiness, startup and liveness probes with the same command; start_period becomes the initial delay, intervals are Slipway's own"},
		{"deploy", mapped, "replicas and resources; the rest is ignored, because Kubernetes decides it"},
		{"scale", mapped, "the number of replicas"},
		{"mem_limit", mapped, "the memory request and limit"},
		{"mem_reservation", mapped, "the memory request and limit, when there is no mem_limit"},
		{"cpus", mapped, "the CPU request"},
		{"user", mapped, "a numeric user; a name is a warning, because Kubernetes needs the number"},
		{"read_only", mapped, "a read-only root file system; without it the root is writable, as in Compose"},
		{"cap_add", mapped, "capabilities, which the project's policy must allow"},
		{"stop_grace_period", mapped, "the time to end"},
		{"extends", mapped, "another service of the same file; with file it is an error"},
		{"profiles", mapped, "a service with profiles is taken only when it is named in compose.services"},
		{"x-slipway", mapped, "routes: what the service is reached at, as in slipway.yaml"},
	}
}

func ignoredKeys() []key {
	return []key{
		{"restart", ignored, "Kubernetes always restarts"},
		{"depends_on", ignored, "services start together and wait for each other by retrying"},
		{"links", ignored, "every service of a stage is reached by its name"},
		{"networks", ignored, "a stage is one network, closed to others; aliases are not kept"},
		{"cap_drop", ignored, "every capability is dropped already"},
		{"container_name", ignored, "pods have names of their own"},
		{"labels", ignored, "labels of containers have no readers here"},
		{"annotations", ignored, "annotations of containers have no readers here"},
		{"logging", ignored, "the cluster collects logs"},
		{"init", ignored, "the image decides its first process"},
		{"tty", ignored, "nobody is at a terminal"},
		{"stdin_open", ignored, "nobody is at a terminal"},
		{"attach", ignored, "nobody is at a terminal"},
		{"pull_policy", ignored, "images are pinned by digest"},
		{"pull_refresh_after", ignored, "images are pinned by digest"},
		{"develop", ignored, "it is for a developer's machine"},
		{"hostname", ignored, "the service's name is its host name"},
		{"domainname", ignored, "the service's name is its host name"},
	}
}

func warnedKeys() []key {
	const limits = "Kubernetes has no such limit for one container; it is left out"
	return []key{
		{"platform", warned, "the cluster's nodes decide the platform; it is left out"},
		{"ulimits", warned, limits},
		{"shm_size", warned, "shared memory is 64 MiB; it is left out"},
		{"cpu_shares", warned, limits + "; use cpus"},
		{"cpu_quota", warned, limits + "; use cpus"},
		{"cpu_period", warned, limits + "; use cpus"},
		{"cpu_count", warned, limits + "; use cpus"},
		{"cpu_percent", warned, limits + "; use cpus"},
		{"cpuset", warned, limits},
		{"memswap_limit", warned, "pods have no swap; it is left out"},
		{"mem_swappiness", warned, "pods have no swap; it is left out"},
		{"oom_score_adj", warned, "Kubernetes decides it; it is left out"},
		{"oom_kill_disable", warned, "Kubernetes decides it; it is left out"},
		{"pids_limit", warned, "the node limits processes; it is left out"},
		{"blkio_config", warned, limits},
		{"dns", warned, "the cluster's name service is used; it is left out"},
		{"dns_opt", warned, "the cluster's name service is used; it is left out"},
		{"dns_search", warned, "the cluster's name service is used; it is left out"},
		{"extra_hosts", warned, "names come from the cluster's name service; it is left out"},
		{"external_links", warned, "only services of the stage have names; it is left out"},
		{"stop_signal", warned, "the image's own signal is used; it is left out"},
		{"storage_opt", warned, "it is left out"},
		{"group_add", warned, "it is left out; files of volumes belong to the user's own group"},
		{"umask", warned, "it is left out"},
		{"security_opt", warned, "every container already gains no privileges; it is left out"},
	}
}

func refusedKeys() []key {
	const host = "a stage shares nothing with the machine it runs on; remove it"
	const hook = "use release in slipway.yaml for what must run before a new version"
	return []key{
		{"build", refused, "images are built for services of slipway.yaml: add a service with build there, and leave this one out of compose.services"},
		{"secrets", refused, "a secret's value doesn't belong into a repository: declare the service in slipway.yaml and name a Secret of the stage under secrets"},
		{"label_file", refused, "labels of containers have no readers here; remove it"},
		{"privileged", refused, host},
		{"devices", refused, host},
		{"device_cgroup_rules", refused, host},
		{"gpus", refused, "GPUs can't be asked for here; patch the workload in an overlay"},
		{"network_mode", refused, host},
		{"pid", refused, host},
		{"ipc", refused, host},
		{"uts", refused, host},
		{"userns_mode", refused, host},
		{"cgroup", refused, host},
		{"cgroup_parent", refused, host},
		{"sysctls", refused, host},
		{"use_api_socket", refused, host},
		{"volumes_from", refused, "volumes belong to one service; give each its own"},
		{"mac_address", refused, "the cluster gives addresses; remove it"},
		{"runtime", refused, "the cluster's runtime is used; remove it"},
		{"isolation", refused, "the cluster's runtime is used; remove it"},
		{"credential_spec", refused, "Windows containers are not supported; remove it"},
		{"provider", refused, "other programs are not started; declare what it provides as a service"},
		{"models", refused, "models are not supported; declare what serves the model as a service"},
		{"pre_start", refused, hook},
		{"post_start", refused, hook},
		{"pre_stop", refused, hook},
		{"cpu_rt_period", refused, "realtime scheduling is not supported; use cpus"},
		{"cpu_rt_runtime", refused, "realtime scheduling is not supported; use cpus"},
	}
}

// Document returns the table as docs/compose.md has it.
func Document() string {
	var b strings.Builder
	b.WriteString("| key of a service | what happens | how, why, what to do |\n|---|---|---|\n")
	for _, k := range keys() {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", k.name, k.treatment, k.text)
	}
	b.WriteString("| any other `x-…` | ignored | extensions of other programs |\n| anything else | error | it is unknown |\n")
	return b.String()
}
