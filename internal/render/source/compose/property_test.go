package compose_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/render/source/compose/key"
	"github.com/slipway-dev/slipway/internal/render/workload"
)

// sample is a file in which one key says something.
type sample struct {
	// without and with are the text before and after the key was added: the
	// service a, and what stands beside services.
	without, with string
	beside        string
	// base stands beside services without the key; empty is what baseOf says.
	base string
	// unwritable says that Compose's own schema has no such key, though the
	// library's types have it.
	unwritable bool
	// warns says that a mapped key is warned about as well in this file.
	warns bool
}

// samples has a value for every key of the table that is mapped.
func samples() map[string]sample {
	of := func(with string) sample { return sample{with: with} }
	more := func(without, with, beside string) sample { return sample{without: without, with: with, beside: beside} }
	const volume = "volumes: {data: {}}\n"
	return map[string]sample{
		"services.*.image":                                of("image: registry.example/b:2"),
		"services.*.command":                              of("command: [x]"),
		"services.*.entrypoint":                           of("entrypoint: [x]"),
		"services.*.working_dir":                          of("working_dir: /x"),
		"services.*.environment":                          of("environment: {A: b}"),
		"services.*.env_file.*.path":                      of("env_file: [a.env]"),
		"services.*.env_file.*.required":                  more("env_file: [{path: gone.env, required: true}]", "env_file: [{path: gone.env, required: false}]", ""),
		"services.*.env_file.*.format":                    more("env_file: [{path: a.env}]", "env_file: [{path: a.env, format: raw}]", ""),
		"services.*.healthcheck.test":                     of("healthcheck: {test: [CMD, x]}"),
		"services.*.healthcheck.interval":                 more("healthcheck: {test: [CMD, x]}", "healthcheck: {test: [CMD, x], interval: 7s}", ""),
		"services.*.healthcheck.timeout":                  more("healthcheck: {test: [CMD, x]}", "healthcheck: {test: [CMD, x], timeout: 7s}", ""),
		"services.*.healthcheck.retries":                  more("healthcheck: {test: [CMD, x]}", "healthcheck: {test: [CMD, x], retries: 7}", ""),
		"services.*.healthcheck.start_period":             more("healthcheck: {test: [CMD, x]}", "healthcheck: {test: [CMD, x], start_period: 7s}", ""),
		"services.*.healthcheck.start_interval":           more("healthcheck: {test: [CMD, x]}", "healthcheck: {test: [CMD, x], start_interval: 7s}", ""),
		"services.*.healthcheck.disable":                  more("healthcheck: {test: [CMD, x]}", "healthcheck: {test: [CMD, x], disable: true}", ""),
		"services.*.restart":                              of(`restart: "no"`),
		"services.*.depends_on.*.condition":               more("depends_on: {b: {condition: service_started}}", "depends_on: {b: {condition: service_completed_successfully}}", ""),
		"services.*.scale":                                of("scale: 2"),
		"services.*.user":                                 of(`user: "7:8"`),
		"services.*.group_add":                            of(`group_add: ["7"]`),
		"services.*.read_only":                            of("read_only: true"),
		"services.*.cap_add":                              of("cap_add: [NET_ADMIN]"),
		"services.*.cap_drop":                             of("cap_drop: [chown]"),
		"services.*.stop_grace_period":                    of("stop_grace_period: 7s"),
		"services.*.tty":                                  of("tty: true"),
		"services.*.stdin_open":                           of("stdin_open: true"),
		"services.*.profiles":                             of("profiles: [x]"),
		"services.*.extends":                              of("extends: {service: b}"),
		"services.*.x-slipway":                            more("ports: ['80']", "ports: ['80']\n    x-slipway: {routes: [{path: /}]}", ""),
		"services.*.ports.*.target":                       of("ports: ['80']"),
		"services.*.ports.*.protocol":                     more("ports: [{target: 80}]", "ports: [{target: 80, protocol: udp}]", ""),
		"services.*.ports.*.published":                    {without: "ports: [{target: 80}]", with: "ports: [{target: 80, published: '8080'}]", warns: true},
		"services.*.expose":                               of("expose: ['80']"),
		"services.*.container_name":                       of("container_name: other"),
		"services.*.hostname":                             of("hostname: other"),
		"services.*.links":                                of("links: ['b:other']"),
		"services.*.networks.*.aliases":                   more("networks: {default: {}}", "networks: {default: {aliases: [other]}}", ""),
		"services.*.volumes.*.type":                       of("volumes: [{type: tmpfs, target: /x}]"),
		"services.*.volumes.*.source":                     more("volumes: [{type: volume, target: /x}]", "volumes: [{type: volume, source: data, target: /x}]", volume),
		"services.*.volumes.*.target":                     more("volumes: ['data:/x']", "volumes: ['data:/y']", volume),
		"services.*.volumes.*.read_only":                  more("volumes: ['data:/x']", "volumes: ['data:/x:ro']", volume),
		"services.*.volumes.*.volume.subpath":             more("volumes: [{type: volume, source: data, target: /x}]", "volumes: [{type: volume, source: data, target: /x, volume: {subpath: s}}]", volume),
		"services.*.volumes.*.tmpfs.size":                 more("volumes: [{type: tmpfs, target: /x}]", "volumes: [{type: tmpfs, target: /x, tmpfs: {size: 1024}}]", ""),
		"services.*.tmpfs":                                of("tmpfs: [/x]"),
		"services.*.configs.*.source":                     more("", "configs: [c]", "configs: {c: {content: x}}\n"),
		"services.*.configs.*.target":                     more("configs: [c]", "configs: [{source: c, target: /x}]", "configs: {c: {content: x}}\n"),
		"services.*.secrets.*.source":                     more("", "secrets: [s]", "secrets: {s: {external: true}}\n"),
		"services.*.secrets.*.target":                     more("secrets: [s]", "secrets: [{source: s, target: x}]", "secrets: {s: {external: true}}\n"),
		"services.*.mem_limit":                            of("mem_limit: 1g"),
		"services.*.mem_reservation":                      of("mem_reservation: 1g"),
		"services.*.cpus":                                 of("cpus: 2"),
		"services.*.shm_size":                             of("shm_size: 1g"),
		"services.*.deploy.replicas":                      of("deploy: {replicas: 2}"),
		"services.*.deploy.resources.limits.cpus":         of("deploy: {resources: {limits: {cpus: '2'}}}"),
		"services.*.deploy.resources.limits.memory":       of("deploy: {resources: {limits: {memory: 1g}}}"),
		"services.*.deploy.resources.reservations.cpus":   of("deploy: {resources: {reservations: {cpus: '2'}}}"),
		"services.*.deploy.resources.reservations.memory": of("deploy: {resources: {reservations: {memory: 1g}}}"),
		"services.*.deploy.restart_policy.condition":      of("deploy: {restart_policy: {condition: none}}"),
		"services.*.deploy.restart_policy.max_attempts":   more("deploy: {restart_policy: {condition: none}}", "deploy: {restart_policy: {condition: none, max_attempts: 9}}", ""),
		"services.*.build.context":                        of("build: {context: c}"),
		"services.*.build.dockerfile":                     more("build: {context: c}", "build: {context: c, dockerfile: Other}", ""),
		"services.*.build.target":                         more("build: {context: c}", "build: {context: c, target: x}", ""),
		"services.*.build.args":                           more("build: {context: c}", "build: {context: c, args: {A: b}}", ""),
		"configs.*.content":                               {without: "configs: [c]", with: "configs: [c]", beside: "configs: {c: {content: x}}\n"},
		"configs.*.file":                                  {without: "configs: [c]", with: "configs: [c]", beside: "configs: {c: {file: a.env}}\n"},
		"configs.*.environment":                           {without: "configs: [c]", with: "configs: [c]", beside: "configs: {c: {environment: VALUE}}\n"},
		"secrets.*.external":                              {without: "secrets: [s]", with: "secrets: [s]", base: "secrets: {s: {file: gone}}\n", beside: "secrets: {s: {external: true}}\n", warns: true},
		"secrets.*.name":                                  {without: "secrets: [s]", with: "secrets: [s]", beside: "secrets: {s: {external: true, name: other}}\n"},
		"secrets.*.file":                                  {without: "secrets: [s]", with: "secrets: [s]", beside: "secrets: {s: {file: a.env}}\n", warns: true},
		"secrets.*.environment":                           {without: "secrets: [s]", with: "secrets: [s]", beside: "secrets: {s: {environment: VALUE}}\n", warns: true},
		"secrets.*.content":                               {without: "secrets: [s]", with: "secrets: [s]", beside: "secrets: {s: {content: x}}\n", unwritable: true},
		"secrets.*.x-slipway":                             {without: "secrets: [s]", with: "secrets: [s]", beside: "secrets: {s: {external: true, x-slipway: {secret: other}}}\n"},
		"include":                                         {beside: "include: [included.yaml]\n"},
		"volumes.*.x-slipway":                             {without: "volumes: ['data:/x']", with: "volumes: ['data:/x']", beside: "volumes: {data: {x-slipway: {size: 7Gi}}}\n"},
	}
}

// TestNoKeyIsDroppedInSilence adds each key of the table to a file: one that is
// mapped changes what runs, one that is refused or left out is named with its
// line, and one that holds changes nothing.
func TestNoKeyIsDroppedInSilence(t *testing.T) {
	all := samples()
	maps.Copy(all, unmapped())
	for _, k := range key.All() {
		if k.Text == "" {
			continue // each key below has a decision of its own
		}
		t.Run(k.Path, func(t *testing.T) {
			given, known := all[k.Path]
			if delete(all, k.Path); !known {
				t.Fatal("there is no sample of it")
			}
			checkKey(t, k, given)
		})
	}
	for path := range all {
		t.Errorf("%s is no key of the table", path)
	}
}

func checkKey(t *testing.T, k key.Key, given sample) {
	t.Helper()
	before, err := rendered(t, given.without, "")
	if given.without != "" && given.beside != "" {
		before, err = rendered(t, given.without, either(given.base, baseOf(k.Path, given.beside)))
	}
	if err != nil {
		t.Fatalf("without it: %v", err)
	}
	after, err := rendered(t, given.with, given.beside)
	if given.unwritable {
		if err == nil || !strings.Contains(err.Error(), "Compose has no such key") {
			t.Fatalf("it is %v, want a refusal by the schema", err)
		}
		return
	}
	named := k.Path[strings.LastIndexByte(k.Path, '.')+1:]
	switch k.Treatment {
	case key.Refused:
		if fault.CodeOf(err) != fault.Invalid || !strings.Contains(err.Error(), named) || !strings.Contains(err.Error(), "compose.yaml:") {
			t.Fatalf("it is %v, want an error that names %s with its line", err, named)
		}
		return
	case key.LeftOut:
		if err != nil || !slices.ContainsFunc(after.warnings, func(w string) bool {
			return strings.HasPrefix(w, "compose.yaml:") && strings.Contains(w, named) && strings.Contains(w, k.Text)
		}) {
			t.Fatalf("it gives %v and %q, want a warning that names %s with its line", err, after.warnings, named)
		}
	case key.Mapped:
		if err != nil {
			t.Fatal(err)
		}
		if cmp.Equal(before.objects, after.objects) && (!given.warns || cmp.Equal(before.warnings, after.warnings)) {
			t.Fatalf("it changes nothing:\n%s", after.objects)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before.objects, after.objects); diff != "" {
		t.Errorf("it changes what runs:\n%s", diff)
	}
}

func either(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

// baseOf returns what stands beside services without the key itself.
func baseOf(path, beside string) string {
	section, _, _ := strings.Cut(path, ".")
	switch section {
	case "configs":
		return "configs: {c: {content: before}}\n"
	case "secrets":
		return "secrets: {s: {external: true}}\n"
	case "volumes":
		return "volumes: {data: {}}\n"
	}
	return beside
}

// objects are what runs and is built, and what is said.
type objects struct {
	objects  string
	warnings []string
}

// rendered makes the objects of a service with some text, beside another one.
func rendered(t *testing.T, text, beside string) (objects, error) {
	t.Helper()
	image := "    image: registry.example/a:1\n"
	if strings.HasPrefix(text, "image:") || strings.HasPrefix(text, "build:") {
		image = ""
	}
	file := "services:\n  a:\n" + image + "    " + text + "\n  b: {image: 'registry.example/b:1', environment: {B: b}}\n" + beside
	dockerfile := "FROM registry.example/base\n"
	got, err := expand(t, project.Compose{File: "compose.yaml", Variables: map[string]string{"VALUE": "v"}}, map[string]string{
		"compose.yaml": file, "included.yaml": "services: {c: {image: 'registry.example/c:1'}}\n", "a.env": "E='1'\n", "c/Dockerfile": dockerfile, "c/Other": dockerfile,
	})
	if err != nil {
		return objects{}, err
	}
	made := objects{warnings: got.warnings}
	for _, in := range got.workloads {
		in.Hosts = []string{"a.example"}
		all, _, err := workload.Objects(in)
		if err != nil {
			return objects{}, err
		}
		for _, object := range all {
			encoded, err := workload.Encode(object.Body)
			if err != nil {
				t.Fatal(err)
			}
			made.objects += string(encoded) + "\n"
		}
	}
	for _, name := range slices.Sorted(maps.Keys(got.builds)) {
		made.objects += fmt.Sprintf("%s is built from %+v\n", name, got.builds[name])
	}
	return made, nil
}

// unmapped has a value for every other key: one that says something.
func unmapped() map[string]sample {
	of := func(with string) sample { return sample{with: with} }
	never := func(with, beside string) sample { return sample{with: with, beside: beside, unwritable: true} }
	more := func(without, with, beside string) sample { return sample{without: without, with: with, beside: beside} }
	const volume, config, secret = "volumes: {data: {}}\n", "configs: {c: {content: before}}\n", "secrets: {s: {external: true}}\n"
	return map[string]sample{
		"services.*.depends_on.*.required":                           more("depends_on: {b: {condition: service_started}}", "depends_on: {b: {condition: service_started, required: false}}", ""),
		"services.*.depends_on.*.restart":                            more("", "depends_on: {b: {condition: service_started, restart: true}}", ""),
		"services.*.security_opt":                                    of("security_opt: [seccomp=unconfined]"),
		"services.*.stop_signal":                                     of("stop_signal: SIGQUIT"),
		"services.*.init":                                            of("init: true"),
		"services.*.pull_policy":                                     of("pull_policy: always"),
		"services.*.pull_refresh_after":                              of("pull_refresh_after: 1h"),
		"services.*.attach":                                          of("attach: false"),
		"services.*.develop":                                         of("develop: {watch: [{path: ., action: rebuild}]}"),
		"services.*.logging":                                         of("logging: {driver: none}"),
		"services.*.labels":                                          of("labels: {x: y}"),
		"services.*.label_file":                                      of("label_file: [a.env]"),
		"services.*.annotations":                                     of("annotations: {x: y}"),
		"services.*.platform":                                        of("platform: linux/amd64"),
		"services.*.pre_start":                                       of("pre_start: [{command: [x]}]"),
		"services.*.post_start":                                      of("post_start: [{command: [x]}]"),
		"services.*.pre_stop":                                        of("pre_stop: [{command: [x]}]"),
		"services.*.provider":                                        of("provider: {type: x}"),
		"services.*.models":                                          more("", "models: [m]", ""),
		"services.*.ports.*.host_ip":                                 more("ports: [{target: 80}]", "ports: [{target: 80, host_ip: 127.0.0.1}]", ""),
		"services.*.ports.*.mode":                                    more("ports: [{target: 80}]", "ports: [{target: 80, mode: host}]", ""),
		"services.*.ports.*.name":                                    more("ports: [{target: 80}]", "ports: [{target: 80, name: x}]", ""),
		"services.*.ports.*.app_protocol":                            more("ports: [{target: 80}]", "ports: [{target: 80, app_protocol: h2c}]", ""),
		"services.*.domainname":                                      of("domainname: x"),
		"services.*.external_links":                                  of("external_links: [x]"),
		"services.*.networks.*.ipv4_address":                         of("networks: {default: {ipv4_address: 192.0.2.1}}"),
		"services.*.networks.*.ipv6_address":                         of("networks: {default: {ipv6_address: '2001:db8::1'}}"),
		"services.*.networks.*.link_local_ips":                       of("networks: {default: {link_local_ips: [192.0.2.1]}}"),
		"services.*.networks.*.mac_address":                          of("networks: {default: {mac_address: '02:00:00:00:00:01'}}"),
		"services.*.networks.*.driver_opts":                          of("networks: {default: {driver_opts: {x: y}}}"),
		"services.*.networks.*.interface_name":                       of("networks: {default: {interface_name: eth7}}"),
		"services.*.networks.*.priority":                             of("networks: {default: {priority: 7}}"),
		"services.*.networks.*.gw_priority":                          of("networks: {default: {gw_priority: 7}}"),
		"services.*.networks.*.use_service_name_alias":               of("networks: {default: {use_service_name_alias: false}}"),
		"services.*.mac_address":                                     of("mac_address: '02:00:00:00:00:01'"),
		"services.*.dns":                                             of("dns: [192.0.2.1]"),
		"services.*.dns_opt":                                         of("dns_opt: [x]"),
		"services.*.dns_search":                                      of("dns_search: [x]"),
		"services.*.extra_hosts":                                     of("extra_hosts: ['x:192.0.2.1']"),
		"services.*.network_mode":                                    of("network_mode: host"),
		"services.*.volumes.*.consistency":                           more("volumes: [{type: volume, source: data, target: /x}]", "volumes: [{type: volume, source: data, target: /x, consistency: cached}]", volume),
		"services.*.volumes.*.bind.create_host_path":                 more("volumes: [{type: bind, source: ./x, target: /x}]", "volumes: [{type: bind, source: ./x, target: /x, bind: {create_host_path: false}}]", ""),
		"services.*.volumes.*.bind.selinux":                          more("volumes: [{type: bind, source: ./x, target: /x}]", "volumes: [{type: bind, source: ./x, target: /x, bind: {selinux: z}}]", ""),
		"services.*.volumes.*.bind.propagation":                      more("volumes: [{type: bind, source: ./x, target: /x}]", "volumes: [{type: bind, source: ./x, target: /x, bind: {propagation: rshared}}]", ""),
		"services.*.volumes.*.bind.recursive":                        more("volumes: [{type: bind, source: ./x, target: /x}]", "volumes: [{type: bind, source: ./x, target: /x, bind: {recursive: disabled}}]", ""),
		"services.*.volumes.*.volume.nocopy":                         more("volumes: [{type: volume, source: data, target: /x}]", "volumes: [{type: volume, source: data, target: /x, volume: {nocopy: true}}]", volume),
		"services.*.volumes.*.volume.labels":                         more("volumes: [{type: volume, source: data, target: /x}]", "volumes: [{type: volume, source: data, target: /x, volume: {labels: {x: y}}}]", volume),
		"services.*.volumes.*.tmpfs.mode":                            more("volumes: [{type: tmpfs, target: /x}]", "volumes: [{type: tmpfs, target: /x, tmpfs: {mode: 0700}}]", ""),
		"services.*.volumes.*.image":                                 more("", "volumes: [{type: image, source: x, target: /x, image: {subpath: s}}]", ""),
		"services.*.volumes_from":                                    of("volumes_from: [b]"),
		"services.*.configs.*.uid":                                   more("configs: [c]", "configs: [{source: c, uid: '7'}]", config),
		"services.*.configs.*.gid":                                   more("configs: [c]", "configs: [{source: c, gid: '7'}]", config),
		"services.*.configs.*.mode":                                  more("configs: [c]", "configs: [{source: c, mode: 0400}]", config),
		"services.*.secrets.*.uid":                                   more("secrets: [s]", "secrets: [{source: s, uid: '7'}]", secret),
		"services.*.secrets.*.gid":                                   more("secrets: [s]", "secrets: [{source: s, gid: '7'}]", secret),
		"services.*.secrets.*.mode":                                  more("secrets: [s]", "secrets: [{source: s, mode: 0400}]", secret),
		"services.*.build.dockerfile_inline":                         of("build: {context: c, dockerfile_inline: 'FROM x'}"),
		"services.*.build.additional_contexts":                       of("build: {context: c, additional_contexts: {x: y}}"),
		"services.*.build.secrets":                                   of("build: {context: c, secrets: [s]}"),
		"services.*.build.ssh":                                       of("build: {context: c, ssh: [default]}"),
		"services.*.build.privileged":                                of("build: {context: c, privileged: true}"),
		"services.*.build.entitlements":                              of("build: {context: c, entitlements: [x]}"),
		"services.*.build.isolation":                                 of("build: {context: c, isolation: hyperv}"),
		"services.*.build.network":                                   more("build: {context: c}", "build: {context: c, network: host}", ""),
		"services.*.build.extra_hosts":                               more("build: {context: c}", "build: {context: c, extra_hosts: ['x:192.0.2.1']}", ""),
		"services.*.build.labels":                                    more("build: {context: c}", "build: {context: c, labels: {x: y}}", ""),
		"services.*.build.shm_size":                                  more("build: {context: c}", "build: {context: c, shm_size: 1g}", ""),
		"services.*.build.ulimits":                                   more("build: {context: c}", "build: {context: c, ulimits: {nofile: 7}}", ""),
		"services.*.build.platforms":                                 more("build: {context: c}", "build: {context: c, platforms: [linux/amd64]}", ""),
		"services.*.build.cache_from":                                more("build: {context: c}", "build: {context: c, cache_from: [x]}", ""),
		"services.*.build.cache_to":                                  more("build: {context: c}", "build: {context: c, cache_to: [x]}", ""),
		"services.*.build.no_cache":                                  more("build: {context: c}", "build: {context: c, no_cache: true}", ""),
		"services.*.build.no_cache_filter":                           more("build: {context: c}", "build: {context: c, no_cache_filter: [x]}", ""),
		"services.*.build.pull":                                      more("build: {context: c}", "build: {context: c, pull: true}", ""),
		"services.*.build.tags":                                      more("build: {context: c}", "build: {context: c, tags: [x]}", ""),
		"services.*.build.provenance":                                more("build: {context: c}", "build: {context: c, provenance: true}", ""),
		"services.*.build.sbom":                                      more("build: {context: c}", "build: {context: c, sbom: true}", ""),
		"services.*.deploy.mode":                                     of("deploy: {mode: global}"),
		"services.*.deploy.labels":                                   of("deploy: {labels: {x: y}}"),
		"services.*.deploy.endpoint_mode":                            of("deploy: {endpoint_mode: dnsrr}"),
		"services.*.deploy.update_config":                            of("deploy: {update_config: {parallelism: 1}}"),
		"services.*.deploy.rollback_config":                          of("deploy: {rollback_config: {parallelism: 1}}"),
		"services.*.deploy.placement":                                of("deploy: {placement: {constraints: [x]}}"),
		"services.*.deploy.resources.limits.pids":                    of("deploy: {resources: {limits: {pids: 7}}}"),
		"services.*.deploy.resources.limits.devices":                 {with: "deploy: {resources: {limits: {devices: [{capabilities: [gpu]}]}}}", unwritable: true},
		"services.*.deploy.resources.limits.generic_resources":       {with: "deploy: {resources: {limits: {generic_resources: [{discrete_resource_spec: {kind: x, value: 1}}]}}}", unwritable: true},
		"services.*.deploy.resources.reservations.pids":              {with: "deploy: {resources: {reservations: {pids: 7}}}", unwritable: true},
		"services.*.deploy.resources.reservations.devices":           of("deploy: {resources: {reservations: {devices: [{capabilities: [gpu]}]}}}"),
		"services.*.deploy.resources.reservations.generic_resources": of("deploy: {resources: {reservations: {generic_resources: [{discrete_resource_spec: {kind: x, value: 1}}]}}}"),
		"services.*.deploy.restart_policy.delay":                     of("deploy: {restart_policy: {delay: 5s}}"),
		"services.*.deploy.restart_policy.window":                    of("deploy: {restart_policy: {window: 5s}}"),
		"services.*.ulimits":                                         of("ulimits: {nofile: 7}"),
		"services.*.cpu_shares":                                      of("cpu_shares: 7"),
		"services.*.cpu_quota":                                       of("cpu_quota: 7"),
		"services.*.cpu_period":                                      of("cpu_period: 7"),
		"services.*.cpu_count":                                       of("cpu_count: 7"),
		"services.*.cpu_percent":                                     of("cpu_percent: 7"),
		"services.*.cpu_rt_period":                                   of("cpu_rt_period: '7'"),
		"services.*.cpu_rt_runtime":                                  of("cpu_rt_runtime: '7'"),
		"services.*.cpuset":                                          of("cpuset: '0'"),
		"services.*.memswap_limit":                                   of("memswap_limit: 1g"),
		"services.*.mem_swappiness":                                  of("mem_swappiness: 7"),
		"services.*.oom_score_adj":                                   of("oom_score_adj: 7"),
		"services.*.oom_kill_disable":                                of("oom_kill_disable: true"),
		"services.*.pids_limit":                                      of("pids_limit: 7"),
		"services.*.blkio_config":                                    of("blkio_config: {weight: 300}"),
		"services.*.storage_opt":                                     of("storage_opt: {size: 1g}"),
		"services.*.umask":                                           of("umask: '022'"),
		"services.*.privileged":                                      of("privileged: true"),
		"services.*.devices":                                         of("devices: [/dev/fuse]"),
		"services.*.device_cgroup_rules":                             of("device_cgroup_rules: ['c 1:3 mr']"),
		"services.*.gpus":                                            of("gpus: all"),
		"services.*.pid":                                             of("pid: host"),
		"services.*.ipc":                                             of("ipc: host"),
		"services.*.uts":                                             of("uts: host"),
		"services.*.userns_mode":                                     of("userns_mode: host"),
		"services.*.cgroup":                                          of("cgroup: host"),
		"services.*.cgroup_parent":                                   of("cgroup_parent: x"),
		"services.*.sysctls":                                         of("sysctls: {a: 1}"),
		"services.*.use_api_socket":                                  of("use_api_socket: true"),
		"services.*.runtime":                                         of("runtime: nvidia"),
		"services.*.isolation":                                       of("isolation: hyperv"),
		"services.*.credential_spec":                                 of("credential_spec: {file: x}"),
		"volumes.*.name":                                             more("volumes: ['data:/x']", "volumes: ['data:/x']", "volumes: {data: {name: other}}\n"),
		"volumes.*.driver":                                           more("volumes: ['data:/x']", "volumes: ['data:/x']", "volumes: {data: {driver: other}}\n"),
		"volumes.*.driver_opts":                                      more("volumes: ['data:/x']", "volumes: ['data:/x']", "volumes: {data: {driver_opts: {type: nfs}}}\n"),
		"volumes.*.external":                                         more("volumes: ['data:/x']", "volumes: ['data:/x']", "volumes: {data: {external: true}}\n"),
		"volumes.*.labels":                                           more("volumes: ['data:/x']", "volumes: ['data:/x']", "volumes: {data: {labels: {x: y}}}\n"),
		"networks.*.name":                                            more("networks: [default]", "networks: [default]", "networks: {default: {name: other}}\n"),
		"networks.*.driver":                                          more("networks: [default]", "networks: [default]", "networks: {default: {driver: host}}\n"),
		"networks.*.driver_opts":                                     more("networks: [default]", "networks: [default]", "networks: {default: {driver_opts: {x: y}}}\n"),
		"networks.*.ipam":                                            more("networks: [default]", "networks: [default]", "networks: {default: {ipam: {driver: x}}}\n"),
		"networks.*.external":                                        more("networks: [default]", "networks: [default]", "networks: {default: {external: true}}\n"),
		"networks.*.internal":                                        more("networks: [default]", "networks: [default]", "networks: {default: {internal: true}}\n"),
		"networks.*.attachable":                                      more("networks: [default]", "networks: [default]", "networks: {default: {attachable: true}}\n"),
		"networks.*.labels":                                          more("networks: [default]", "networks: [default]", "networks: {default: {labels: {x: y}}}\n"),
		"networks.*.enable_ipv4":                                     more("networks: [default]", "networks: [default]", "networks: {default: {enable_ipv4: false}}\n"),
		"networks.*.enable_ipv6":                                     more("networks: [default]", "networks: [default]", "networks: {default: {enable_ipv6: true}}\n"),
		"configs.*.name":                                             more("configs: [c]", "configs: [c]", "configs: {c: {content: before, name: other}}\n"),
		"configs.*.external":                                         more("configs: [c]", "configs: [c]", "configs: {c: {external: true}}\n"),
		"configs.*.labels":                                           more("configs: [c]", "configs: [c]", "configs: {c: {content: before, labels: {x: y}}}\n"),
		"configs.*.template_driver":                                  more("configs: [c]", "configs: [c]", "configs: {c: {content: before, template_driver: x}}\n"),
		"secrets.*.labels":                                           {without: "secrets: [s]", with: "secrets: [s]", base: "secrets: {s: {file: a.env}}\n", beside: "secrets: {s: {file: a.env, labels: {x: y}}}\n"},
		"secrets.*.driver":                                           {without: "secrets: [s]", with: "secrets: [s]", base: "secrets: {s: {file: a.env}}\n", beside: "secrets: {s: {file: a.env, driver: x}}\n"},
		"secrets.*.driver_opts":                                      {without: "secrets: [s]", with: "secrets: [s]", base: "secrets: {s: {file: a.env}}\n", beside: "secrets: {s: {file: a.env, driver_opts: {x: y}}}\n"},
		"secrets.*.template_driver":                                  {without: "secrets: [s]", with: "secrets: [s]", base: "secrets: {s: {file: a.env}}\n", beside: "secrets: {s: {file: a.env, template_driver: x}}\n"},
		"name":                                                       more("", "", "name: shop\n"),
		"version":                                                    more("", "", "version: '3.8'\n"),
		"jobs":                                                       more("", "", "jobs: {j: {image: x}}\n"),
		"models":                                                     more("", "", "models: {m: {model: x}}\n"),
		"services.*.log_driver":                                      never("log_driver: none", ""),
		"services.*.log_opt":                                         never("log_opt: {x: y}", ""),
		"services.*.name":                                            never("name: x", ""),
		"services.*.net":                                             never("net: host", ""),
		"services.*.volume_driver":                                   never("volume_driver: x", ""),
		"services.*.dockerfile":                                      never("dockerfile: x", ""),
		"configs.*.driver":                                           never("configs: [c]", "configs: {c: {content: x, driver: x}}\n"),
		"configs.*.driver_opts":                                      never("configs: [c]", "configs: {c: {content: x, driver_opts: {x: y}}}\n"),
	}
}
