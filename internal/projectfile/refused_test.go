package projectfile

import (
	"maps"
	"strings"
)

// sections are the parts of a small valid file; a test replaces some.
func sections() map[string]string {
	return map[string]string{
		"version":  "version: 1\n",
		"project":  "project: shop\n",
		"members":  "members:\n- {user: alice, role: owner}\n",
		"stages":   "stages:\n- {name: production, branch: main}\n- {name: staging, branch: main}\n- {name: feature, branch: feature/*}\n",
		"previews": "",
		"services": "services:\n  web: {image: \"nginx:1\", port: 80, routes: [{path: /}]}\n",
	}
}

func fileWith(changes map[string]string) []byte {
	parts := sections()
	maps.Copy(parts, changes)
	var file strings.Builder
	for _, name := range []string{"version", "project", "members", "stages", "previews", "services", "more"} {
		file.WriteString(parts[name])
	}
	return []byte(file.String())
}

func service(text string) map[string]string {
	return map[string]string{"services": "services:\n  web: " + text + "\n"}
}
func stages(text string) map[string]string {
	return map[string]string{"stages": "stages:\n" + text + "\n"}
}
func members(text string) map[string]string {
	return map[string]string{"members": "members: " + text + "\n"}
}
func previews(text string) map[string]string {
	return map[string]string{"previews": "previews: " + text + "\n"}
}
func more(text string) map[string]string { return map[string]string{"more": text} }

// refused are files with one mistake each; errors.golden holds the messages.
func refused() map[string]map[string]string {
	all := map[string]map[string]string{}
	for _, rows := range []map[string]map[string]string{refusedFiles(), refusedStages(), refusedSources(), refusedServices(), refusedOverrides()} {
		maps.Copy(all, rows)
	}
	return all
}

func refusedFiles() map[string]map[string]string {
	return map[string]map[string]string{
		"version/missing":         {"version": ""},
		"version/later":           {"version": "version: 2\n"},
		"version/string":          {"version": "version: \"1\"\n"},
		"version/zero":            {"version": "version: 0\n"},
		"sealed/plain text":       more("sealed: {stripe: {API_KEY: hush}}\n"),
		"sealed/plain text, deep": stages("- {name: a, branch: main, sealed: {stripe: {API_KEY: hush}}}"),
		"sealed/nothing":          more("sealed: {stripe: {}}\n"),
		"sealed/key":              more("sealed: {stripe: {\"a b\": YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+}}\n"),
		"sealed/Secret's name":    more("sealed: {Stripe: {A: YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+}}\n"),
		"project/missing":         {"project": ""},
		"project/upper case":      {"project": "project: Shop\n"},
		"project/number":          {"project": "project: 12\n"},
		"project/null":            {"project": "project:\n"},
		"project/long":            {"project": "project: " + strings.Repeat("a", 41) + "\n"},
		"yaml/duplicate key":      more("project: again\n"),
		"yaml/duplicate in flow":  service(`{image: "a:1", image: "b:1"}`),
		"yaml/second document":    more("---\nversion: 1\n"),
		"yaml/tag":                {"project": "project: !!str shop\n"},
		"yaml/merge key":          service(`{<<: {port: 80}, image: "a:1"}`),
		"yaml/unknown alias":      service(`{image: *x}`),
		"yaml/own alias":          service(`{image: "a:1", args: &x [*x]}`),
		"yaml/complex key":        more("? a\n: b\n"),
		"yaml/number key":         service(`{image: "a:1", env: {1: a}}`),
		"yaml/hexadecimal":        service(`{image: "a:1", port: 0x50}`),
		"yaml/octal":              service(`{image: "a:1", port: 0080}`),
		"yaml/underscore":         service(`{image: "a:1", port: 8_080}`),
		"yaml/not a number":       service(`{helm: {chart: a, set: {a: .nan}}}`),
		"yaml/tab":                more("previews:\n\tfrom: staging\n"),
		"yaml/unclosed":           service(`{image: "a:1"`),
		"yaml/control character":  {"project": "project: sh\x07op\n"},
		"yaml/not UTF-8":          {"project": "project: sh\xffop\n"},
		"yaml/empty":              {"version": "", "project": "", "members": "", "stages": "", "services": ""},
		"yaml/a list":             {"version": "", "project": "", "members": "", "stages": "", "services": "[]"},
		"keys/unknown at the top": more("enviroments: {}\n"),
		"keys/typo":               service(`{imgae: "a:1"}`),
		"keys/wrong case":         service(`{image: "a:1", Port: 80}`),
		"keys/nothing near":       service(`{image: "a:1", zzzzzz: 80}`),
		"members/none":            members("[]"),
		"members/missing":         {"members": ""},
		"members/no owner":        members("[{user: a, role: maintainer}]"),
		"members/both":            members("[{user: a, group: b, role: owner}]"),
		"members/neither":         members("[{role: owner}]"),
		"members/email of group":  members("[{group: a, email: a@b.example, role: owner}]"),
		"members/twice":           members("[{user: a, role: owner}, {user: A, role: viewer}]"),
		"members/role":            members("[{user: a, role: owner}, {user: b, role: Owner}]"),
		"members/no role":         members("[{user: a, role: owner}, {user: b}]"),
		"members/not a list":      members("{user: a}"),
	}
}

func refusedStages() map[string]map[string]string {
	return map[string]map[string]string{
		"stages/none":              {"stages": "stages: []\n"},
		"stages/twice":             stages("- {name: a, branch: main}\n- {name: a, branch: other}"),
		"stages/name":              stages("- {name: pr-1, branch: main}"),
		"stages/branch and tag":    stages("- {name: a, branch: main, tag: v*}"),
		"stages/neither":           stages("- {name: a}"),
		"stages/full ref":          stages("- {name: a, branch: refs/heads/main}"),
		"stages/bad branch":        stages("- {name: a, branch: feature/../x}"),
		"stages/bad characters":    stages("- {name: a, branch: \"feature/?\"}"),
		"stages/overlay outside":   stages("- {name: a, branch: main, overlay: ../x}"),
		"overlay/outside":          more("overlay: ../x\n"),
		"overlay/no text":          more("overlay: [a]\n"),
		"stages/promote unknown":   stages("- {name: a, branch: main, promoteFrom: b}"),
		"stages/promote self":      stages("- {name: a, branch: main, promoteFrom: a}"),
		"stages/promote circle":    stages("- {name: a, branch: main, promoteFrom: b}\n- {name: b, branch: main, promoteFrom: a}\n- {name: c, branch: main, promoteFrom: a}"),
		"stages/promote pattern":   stages("- {name: a, branch: main, promoteFrom: b}\n- {name: b, branch: b/*}"),
		"stages/ttl of one branch": stages("- {name: a, branch: main, ttl: 24h}"),
		"stages/ttl of tags":       stages("- {name: a, tag: v*, ttl: 24h}"),
		"stages/ttl form":          stages("- {name: a, branch: a/*, ttl: 7d}"),
		"stages/ttl zero":          stages("- {name: a, branch: a/*, ttl: 0s}"),
		"stages/ttl for ever":      stages("- {name: a, branch: a/*, ttl: 999999h}"),
		"stages/host unknown":      stages("- {name: a, branch: main, hosts: {wbe: a.example}}"),
		"stages/host form":         stages("- {name: a, branch: main, hosts: {web: \"*.a.example\"}}"),
		"stages/host address":      stages("- {name: a, branch: main, hosts: {web: 10.0.0.1}}"),
		"stages/host of pattern":   stages("- {name: a, branch: a/*, hosts: {web: a.example}}"),
		"stages/host twice":        stages("- {name: a, branch: main, hosts: {web: a.example}}\n- {name: b, branch: main, hosts: {web: a.example}}"),
		"stages/cpu":               stages("- {name: a, branch: main, resources: {cpu: lots}}"),
		"stages/cpu zero":          stages("- {name: a, branch: main, resources: {cpu: 0m}}"),
		"stages/cpu number":        stages("- {name: a, branch: main, resources: {cpu: 4}}"),
		"stages/memory zero":       stages("- {name: a, branch: main, resources: {memory: 0Gi}}"),
		"stages/approvals":         stages("- {name: a, branch: main, requires: {approvals: 11}}"),
		"stages/checks twice":      stages("- {name: a, branch: main, requires: {checks: [a, a]}}"),
		"stages/freeze calendar":   stages("- {name: a, branch: main, freeze: [{from: 2030-02-30T00:00:00Z, until: 2030-12-24T00:00:00Z}]}"),
		"stages/freeze backwards":  stages("- {name: a, branch: main, freeze: [{from: 2030-12-24T00:00:00Z, until: 2030-12-23T00:00:00Z}]}"),
		"stages/onDelete":          stages("- {name: a, branch: main, onDelete: remove}"),
		"stages/rollback":          stages("- {name: a, branch: main, rollback: true}"),
		"previews/unknown stage":   previews("{from: stagin}"),
		"previews/no stage":        previews("{into: [main]}"),
		"previews/forks":           previews("{from: staging, forks: ask}"),
		"previews/limit":           previews("{from: staging, limit: 0}"),
		"previews/ttl":             previews("{from: staging, ttl: 100ms}"),
		"previews/into":            previews("{from: staging, into: [refs/heads/main]}"),
		"previews/unknown service": previews("{from: staging, services: {wbe: {replicas: 1}}}"),
		"previews/service's port":  previews("{from: staging, services: {web: {port: 80}}}"),
		"previews/replicas":        previews("{from: staging, services: {web: {replicas: -1}}}"),
		"previews/cpu":             previews("{from: staging, services: {web: {resources: {cpu: 0m}}}}"),
		"previews/env":             previews("{from: staging, services: {web: {env: {\"a b\": c}}}}"),
		"previews/omit":            previews("{from: staging, services: {web: {omit: yes please}}}"),
		"previews/chart":           {"previews": "previews: {from: staging, services: {x: {env: {A: b}}}}\n", "services": "services: {x: {helm: {chart: charts/x}}}\n"},
		"previews/job":             {"previews": "previews: {from: staging, services: {x: {replicas: 2}}}\n", "services": "services: {x: {image: \"a:1\", schedule: \"0 3 * * *\"}}\n"},
		"previews/secret":          previews("{from: staging, secrets: {db: {password: plain}}}"),
		"previews/template":        previews("{from: staging, templates: {postgres: {size: 1Gi}}}"),
		"previews/shared host":     {"stages": "stages:\n- {name: a, branch: main}\n", "previews": "previews: {from: a}\n", "services": "services:\n  web: {image: \"a:1\", port: 80, stages: {a: {routes: [{path: /, host: a.example}]}}}\n"},
	}
}

func refusedSources() map[string]map[string]string {
	return map[string]map[string]string{
		"services/none":                {"services": "services: {}\n"},
		"services/name":                {"services": "services: {Web_1: {image: \"a:1\"}}\n"},
		"services/null":                service(""),
		"services/no source":           service("{port: 80}"),
		"services/two sources":         service(`{image: "a:1", build: {}}`),
		"services/image":               service(`{image: "a:1:2"}`),
		"services/image upper case":    service(`{image: "Acme/Web:1"}`),
		"services/build outside":       service(`{build: {context: ../a}}`),
		"services/build absolute":      service(`{build: {dockerfile: /etc/passwd}}`),
		"services/build file URL":      service(`{build: {repository: "file:///a"}}`),
		"services/build credentials":   service(`{build: {repository: "https://u:secret@git.example/a"}}`),
		"services/build ref alone":     service(`{build: {ref: main}}`),
		"services/build bad ref":       service(`{build: {repository: "https://git.example/a", ref: "-x"}}`),
		"services/with alone":          service(`{image: "a:1", with: {a: 1}}`),
		"services/template name":       service(`{template: ../x}`),
		"services/template and port":   service(`{template: postgres, port: 80}`),
		"services/compose and port":    service(`{compose: {file: a.yml}, port: 80}`),
		"services/compose no file":     service(`{compose: {services: [a]}}`),
		"services/helm and env":        service(`{helm: {chart: a}, env: {A: b}}`),
		"services/helm no chart":       service(`{helm: {values: [a]}}`),
		"services/helm remote chart":   service(`{helm: {chart: "oci://a/b"}}`),
		"services/kustomize and scale": service(`{kustomize: a, scale: {min: 2}}`),
		"services/kustomize remote":    service(`{kustomize: "https://github.com/a/b"}`),
	}
}

func refusedServices() map[string]map[string]string {
	return map[string]map[string]string{
		"services/port":                 service(`{image: "a:1", port: 65536}`),
		"services/port zero":            service(`{image: "a:1", port: 0}`),
		"services/port string":          service(`{image: "a:1", port: "80"}`),
		"services/port fraction":        service(`{image: "a:1", port: 80.5}`),
		"services/ports same":           service(`{image: "a:1", port: 80, ports: {metrics: 80}}`),
		"services/ports name":           service(`{image: "a:1", ports: {Metrics_1: 80}}`),
		"services/routes without port":  service(`{image: "a:1", routes: [{path: /}]}`),
		"services/routes relative":      service(`{image: "a:1", port: 80, routes: [{path: api}]}`),
		"services/routes twice":         service(`{image: "a:1", port: 80, routes: [{path: /}, {path: /}]}`),
		"services/routes host shared":   service(`{image: "a:1", port: 80, routes: [{path: /, host: a.example}]}`),
		"services/health both":          service(`{image: "a:1", port: 80, health: {path: /, command: [a]}}`),
		"services/health neither":       service(`{image: "a:1", port: 80, health: {}}`),
		"services/health without port":  service(`{image: "a:1", health: {path: /}}`),
		"services/scale backwards":      service(`{image: "a:1", scale: {min: 3, max: 2}}`),
		"services/scale below default":  service(`{image: "a:1", scale: {min: -1}}`),
		"services/scale cpu alone":      service(`{image: "a:1", scale: {cpu: 80}}`),
		"services/scale cpu":            service(`{image: "a:1", scale: {max: 3, cpu: 101}}`),
		"services/memory":               service(`{image: "a:1", resources: {memory: 1GB}}`),
		"services/cpu zero":             service(`{image: "a:1", resources: {cpu: "0"}}`),
		"services/env name":             service(`{image: "a:1", env: {A-B: c}}`),
		"services/env number":           service(`{image: "a:1", env: {A: 5}}`),
		"services/env NUL":              service(`{image: "a:1", env: {A: "hush\0hush"}}`),
		"services/secret name":          service(`{image: "a:1", secrets: [sk_live_HUSH]}`),
		"services/secret twice":         service(`{image: "a:1", secrets: [a, a]}`),
		"services/volume relative":      service(`{image: "a:1", volumes: [{path: data, size: 1Gi}]}`),
		"services/volume root":          service(`{image: "a:1", volumes: [{path: /, size: 1Gi}]}`),
		"services/volume dots":          service(`{image: "a:1", volumes: [{path: /a/../b, size: 1Gi}]}`),
		"services/volume nested":        service(`{image: "a:1", volumes: [{path: /a, size: 1Gi}, {path: /a/b, size: 1Gi}]}`),
		"services/volume same":          service(`{image: "a:1", volumes: [{path: /a, size: 1Gi}, {path: /a, size: 1Gi}]}`),
		"services/volume name":          service(`{image: "a:1", volumes: [{path: /a, size: 1Gi, name: x}, {path: /b, size: 1Gi, name: x}]}`),
		"services/volume size":          service(`{image: "a:1", volumes: [{path: /a}]}`),
		"services/volume nothing":       service(`{image: "a:1", volumes: [{path: /a, size: "0"}]}`),
		"services/release and schedule": service(`{image: "a:1", schedule: "0 3 * * *", release: {command: [a]}}`),
		"services/release empty":        service(`{image: "a:1", release: {command: []}}`),
		"services/schedule and port":    service(`{image: "a:1", schedule: "0 3 * * *", port: 80}`),
		"services/schedule four":        service(`{image: "a:1", schedule: "0 3 * *"}`),
		"services/schedule hour":        service(`{image: "a:1", schedule: "0 24 * * *"}`),
		"services/schedule day":         service(`{image: "a:1", schedule: "0 0 0 * *"}`),
		"services/schedule month":       service(`{image: "a:1", schedule: "0 0 * foo *"}`),
		"services/schedule step":        service(`{image: "a:1", schedule: "*/0 0 * * *"}`),
		"services/schedule range":       service(`{image: "a:1", schedule: "30-10 0 * * *"}`),
		"services/deadline":             service(`{image: "a:1", deadline: 24h}`),
		"services/root and user":        service(`{image: "a:1", security: {runAsRoot: true, runAsUser: 5}}`),
		"services/user zero":            service(`{image: "a:1", security: {runAsUser: 0}}`),
		"services/capability":           service(`{image: "a:1", security: {capabilities: [net_admin]}}`),
		"services/command string":       service(`{image: "a:1", command: ./run}`),
	}
}

func refusedOverrides() map[string]map[string]string {
	return map[string]map[string]string{
		"overrides/unknown stage":   service(`{image: "a:1", stages: {prodution: {port: 80}}}`),
		"overrides/null":            service(`{image: "a:1", stages: {production: null}}`),
		"overrides/other source":    service(`{image: "a:1", stages: {production: {build: {}}}}`),
		"overrides/stages":          service(`{image: "a:1", stages: {production: {stages: {}}}}`),
		"overrides/scale":           service(`{image: "a:1", scale: {min: 3}, stages: {production: {scale: {max: 2}}}}`),
		"overrides/port of helm":    service(`{helm: {chart: a}, stages: {production: {port: 80}}}`),
		"overrides/schedule":        service(`{image: "a:1", port: 80, stages: {production: {schedule: "0 3 * * *"}}}`),
		"overrides/port removed":    service(`{image: "a:1", port: 80, routes: [{path: /}], stages: {production: {port: null}}}`),
		"overrides/health both":     service(`{image: "a:1", port: 80, health: {path: /}, stages: {production: {health: {command: [a]}}}}`),
		"overrides/quantity":        service(`{image: "a:1", stages: {production: {resources: {cpu: 0m}}}}`),
		"overrides/null in list":    service(`{image: "a:1", stages: {production: {args: [null]}}}`),
		"overrides/required gone":   service(`{helm: {chart: a}, stages: {production: {helm: {chart: null}}}}`),
		"overrides/host not routed": {"stages": "stages:\n- {name: production, branch: main, hosts: {web: a.example}}\n", "services": "services:\n  web: {image: \"a:1\", port: 80, routes: [{path: /}], stages: {production: {routes: []}}}\n"},
		"overrides/host of pattern": service(`{image: "a:1", port: 80, stages: {feature: {routes: [{path: /, host: a.example}]}}}`),
		"overrides/base wrong too":  service(`{image: "a:1", scale: {min: 3, max: 2}, stages: {production: {port: 80}, staging: {port: 81}}}`),
		"hosts/path twice":          {"stages": "stages:\n- {name: production, branch: main, hosts: {web: a.example, api: a.example}}\n", "services": "services:\n  web: &x {image: \"a:1\", port: 80, routes: [{path: /}]}\n  api: *x\n"},
	}
}
