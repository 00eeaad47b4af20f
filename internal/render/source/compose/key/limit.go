package key

// deployKeys are about replicas and resources.
func deployKeys() []Key {
	const update = "a release replaces pods one at a time, each when its successor is ready; it is left out"
	const node = "the cluster chooses nodes; it is left out: patch the workload in an overlay"
	return []Key{
		{Path: "services.*.deploy", Treatment: inside},
		{Path: "services.*.deploy.mode", Treatment: LeftOut, Text: "there are as many pods as replicas says, not one per node; it is left out", Harmless: []string{"replicated"}},
		{Path: "services.*.deploy.replicas", Treatment: Mapped, Text: "the number of replicas"},
		{Path: "services.*.deploy.labels", Treatment: LeftOut, Text: "labels of services have no readers here; they are left out: routes are under x-slipway"},
		{Path: "services.*.deploy.endpoint_mode", Treatment: LeftOut, Text: "the Kubernetes Service decides it; it is left out"},
		{Path: "services.*.deploy.resources", Treatment: inside},
		{Path: "services.*.deploy.resources.limits", Treatment: inside},
		{Path: "services.*.deploy.resources.limits.cpus", Treatment: Mapped, Text: "the CPU limit, and the request when there is no reservation"},
		{Path: "services.*.deploy.resources.limits.memory", Treatment: Mapped, Text: "the memory limit, and the request when there is no reservation; 0 is none"},
		{Path: "services.*.deploy.resources.limits.pids", Treatment: LeftOut, Text: "the node limits processes; it is left out"},
		{Path: "services.*.deploy.resources.limits.devices", Treatment: Refused, Text: "devices can't be asked for here; patch the workload in an overlay"},
		{Path: "services.*.deploy.resources.limits.generic_resources", Treatment: Refused, Text: "they can't be asked for here; patch the workload in an overlay"},
		{Path: "services.*.deploy.resources.reservations", Treatment: inside},
		{Path: "services.*.deploy.resources.reservations.cpus", Treatment: Mapped, Text: "the CPU request"},
		{Path: "services.*.deploy.resources.reservations.memory", Treatment: Mapped, Text: "the memory request"},
		{Path: "services.*.deploy.resources.reservations.pids", Treatment: LeftOut, Text: "the node limits processes; it is left out"},
		{Path: "services.*.deploy.resources.reservations.devices", Treatment: Refused, Text: "devices can't be asked for here; patch the workload in an overlay"},
		{Path: "services.*.deploy.resources.reservations.generic_resources", Treatment: Refused, Text: "they can't be asked for here; patch the workload in an overlay"},
		{Path: "services.*.deploy.restart_policy", Treatment: inside},
		{Path: "services.*.deploy.restart_policy.condition", Treatment: Mapped, Text: "as restart: any is always, none is no"},
		{Path: "services.*.deploy.restart_policy.max_attempts", Treatment: Mapped, Text: "how often a Job is tried again; a service that isn't one is restarted for ever"},
		{Path: "services.*.deploy.restart_policy.delay", Treatment: LeftOut, Text: "Kubernetes waits longer after every restart; it is left out"},
		{Path: "services.*.deploy.restart_policy.window", Treatment: LeftOut, Text: "Kubernetes decides it; it is left out"},
		{Path: "services.*.deploy.update_config", Treatment: LeftOut, Text: update},
		{Path: "services.*.deploy.rollback_config", Treatment: LeftOut, Text: "the stage's rollback decides it; it is left out"},
		{Path: "services.*.deploy.placement", Treatment: LeftOut, Text: node},
	}
}

// limitKeys are about what one container may use.
func limitKeys() []Key {
	const limits = "Kubernetes has no such limit for one container; it is left out"
	return []Key{
		{Path: "services.*.mem_limit", Treatment: Mapped, Text: "the memory limit, and the request when there is no reservation; without it a service may use 512Mi, which a warning says"},
		{Path: "services.*.mem_reservation", Treatment: Mapped, Text: "the memory request"},
		{Path: "services.*.cpus", Treatment: Mapped, Text: "the CPU limit, and the request when there is no reservation"},
		{Path: "services.*.shm_size", Treatment: Mapped, Text: "the size of /dev/shm"},
		{Path: "services.*.ulimits", Treatment: LeftOut, Text: "Kubernetes has no such limit for one container; the node's are used, it is left out"},
		{Path: "services.*.cpu_shares", Treatment: LeftOut, Text: limits + ": use cpus"},
		{Path: "services.*.cpu_quota", Treatment: LeftOut, Text: limits + ": use cpus"},
		{Path: "services.*.cpu_period", Treatment: LeftOut, Text: limits + ": use cpus"},
		{Path: "services.*.cpu_count", Treatment: LeftOut, Text: limits + ": use cpus"},
		{Path: "services.*.cpu_percent", Treatment: LeftOut, Text: limits + ": use cpus"},
		{Path: "services.*.cpu_rt_period", Treatment: LeftOut, Text: limits + ": use cpus"},
		{Path: "services.*.cpu_rt_runtime", Treatment: LeftOut, Text: limits + ": use cpus"},
		{Path: "services.*.cpuset", Treatment: LeftOut, Text: limits},
		{Path: "services.*.memswap_limit", Treatment: LeftOut, Text: "pods have no swap; it is left out"},
		{Path: "services.*.mem_swappiness", Treatment: LeftOut, Text: "pods have no swap; it is left out"},
		{Path: "services.*.oom_score_adj", Treatment: LeftOut, Text: "Kubernetes decides it; it is left out"},
		{Path: "services.*.oom_kill_disable", Treatment: LeftOut, Text: "Kubernetes decides it; it is left out", Harmless: []string{"false"}},
		{Path: "services.*.pids_limit", Treatment: LeftOut, Text: "the node limits processes; it is left out"},
		{Path: "services.*.blkio_config", Treatment: LeftOut, Text: limits},
		{Path: "services.*.storage_opt", Treatment: LeftOut, Text: limits},
		{Path: "services.*.umask", Treatment: LeftOut, Text: "the image's own is used; it is left out"},
	}
}

// hostKeys are about the machine, which a stage shares nothing with.
func hostKeys() []Key {
	const host = "a stage shares nothing with the machine it runs on; remove it"
	return []Key{
		{Path: "services.*.privileged", Treatment: Refused, Text: host, Harmless: []string{"false"}},
		{Path: "services.*.devices", Treatment: Refused, Text: host},
		{Path: "services.*.device_cgroup_rules", Treatment: Refused, Text: host},
		{Path: "services.*.gpus", Treatment: Refused, Text: "GPUs can't be asked for here; patch the workload in an overlay"},
		{Path: "services.*.pid", Treatment: Refused, Text: "processes are not shared with the machine nor with other services; remove it"},
		{Path: "services.*.ipc", Treatment: Refused, Text: "memory is not shared with the machine nor with other services; remove it", Harmless: []string{"private", "shareable", "none"}},
		{Path: "services.*.uts", Treatment: Refused, Text: host},
		{Path: "services.*.userns_mode", Treatment: Refused, Text: host},
		{Path: "services.*.cgroup", Treatment: Refused, Text: host, Harmless: []string{"private"}},
		{Path: "services.*.cgroup_parent", Treatment: Refused, Text: host},
		{Path: "services.*.sysctls", Treatment: Refused, Text: "kernel settings are the machine's; remove it"},
		{Path: "services.*.use_api_socket", Treatment: Refused, Text: "there is no Docker here; remove it", Harmless: []string{"false"}},
		{Path: "services.*.runtime", Treatment: Refused, Text: "the cluster's runtime is used; remove it", Harmless: []string{"runc"}},
		{Path: "services.*.isolation", Treatment: Refused, Text: "the cluster's runtime is used; remove it", Harmless: []string{"default"}},
		{Path: "services.*.credential_spec", Treatment: Refused, Text: "Windows containers are not supported; remove it"},
	}
}
