package compose_test

import (
	"context"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/render/source"
	"github.com/slipway-dev/slipway/internal/render/source/compose"
	"github.com/slipway-dev/slipway/internal/render/tree"
	"github.com/slipway-dev/slipway/internal/render/workload"
)

func expand(t *testing.T, text string, files map[string]string, services ...string) ([]workload.Input, []string, error) {
	t.Helper()
	fsys := fstest.MapFS{"deploy/compose.yaml": {Data: []byte(text)}}
	for name, data := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(data)}
	}
	service := source.Service{
		Name: "x", Limits: tree.DefaultLimits(),
		Spec: project.Service{Compose: &project.Compose{File: "deploy/compose.yaml", Services: services}},
	}
	r := tree.NewReader(tree.FromFS(fsys), tree.DefaultLimits())
	if err := (compose.Source{}).Collect(context.Background(), r, service); err != nil {
		return nil, nil, err
	}
	base, err := compose.Source{}.Base(context.Background(), service, r.Files())
	return base.Workloads, base.Warnings, err
}

func number[T any](v T) *T { return &v }

func TestExpand(t *testing.T) {
	writable := &project.Security{WritableRoot: new(true)}
	cases := map[string]struct {
		text  string
		files map[string]string
		want  workload.Input
	}{
		"image only": {
			text: "{image: 'a:1'}",
			want: workload.Input{Service: project.Service{Image: "a:1", Security: writable}},
		},
		"command and entrypoint": {
			text: "{image: a:1, entrypoint: /run.sh --now, command: [serve, 'two words'], working_dir: /srv}",
			want: workload.Input{WorkingDir: "/srv", Service: project.Service{Image: "a:1", Command: []string{"/run.sh", "--now"}, Args: []string{"serve", "two words"}, Security: writable}},
		},
		"environment over env files": {
			text:  "{image: a:1, env_file: [one.env, {path: gone.env, required: false}, ../two.env], environment: [A=own, 'N=1']}",
			files: map[string]string{"deploy/one.env": "A=one\nB=one\nexport C='quoted # text'\n", "two.env": "B=two\nD=${B}-x\n"},
			want: workload.Input{Service: project.Service{Image: "a:1", Security: writable,
				Env: map[string]string{"A": "own", "B": "two", "C": "quoted # text", "D": "two-x", "N": "1"}}},
		},
		"ports": {
			text: "{image: a:1, ports: ['8080:80', '127.0.0.1:9000:9000', {target: 7000, published: 1}], expose: ['80', 6000]}",
			want: workload.Input{Service: project.Service{Image: "a:1", Port: 80, Security: writable,
				Ports: map[string]int32{"port-9000": 9000, "port-7000": 7000, "port-6000": 6000}}},
		},
		"resources": {
			text: "{image: a:1, cpus: 0.5, mem_limit: 64m, deploy: {replicas: 3, resources: {limits: {memory: 1g}}}}",
			want: workload.Input{Service: project.Service{Image: "a:1", Security: writable, Scale: &project.Scale{Min: 3},
				Resources: project.Resources{CPU: "500m", Memory: "64Mi"}}},
		},
		"health": {
			text: "{image: a:1, healthcheck: {test: curl -f localhost, start_period: 1m}}",
			want: workload.Input{Service: project.Service{Image: "a:1", Security: writable,
				Health: &project.Health{Command: []string{"/bin/sh", "-c", "curl -f localhost"}, InitialDelay: 60}}},
		},
		"no health":     {text: "{image: a:1, healthcheck: {disable: true}}", want: workload.Input{Service: project.Service{Image: "a:1", Security: writable}}},
		"root":          {text: "{image: a:1, user: root}", want: workload.Input{Service: project.Service{Image: "a:1", Security: &project.Security{WritableRoot: new(true), RunAsRoot: true}}}},
		"user":          {text: "{image: a:1, user: '1000:1000', read_only: true, cap_add: [NET_ADMIN]}", want: workload.Input{Service: project.Service{Image: "a:1", Security: &project.Security{WritableRoot: new(false), RunAsUser: number(int64(1000)), Capabilities: []string{"NET_ADMIN"}}}}},
		"grace":         {text: "{image: a:1, stop_grace_period: 1m30s}", want: workload.Input{Grace: 90, Service: project.Service{Image: "a:1", Security: writable}}},
		"empty places":  {text: "{image: a:1, tmpfs: ['/run:size=64m'], volumes: [{type: tmpfs, target: /cache}]}", want: workload.Input{Scratch: []string{"/cache", "/run"}, Service: project.Service{Image: "a:1", Security: writable}}},
		"ignored keys":  {text: "{image: a:1, restart: always, container_name: xy, labels: {a: b}, networks: [default], logging: {driver: none}, init: true}", want: workload.Input{Service: project.Service{Image: "a:1", Security: writable}}},
		"default value": {text: "{image: 'a:${TAG:-2}', environment: {A: '$$HOME'}}", want: workload.Input{Service: project.Service{Image: "a:2", Security: writable, Env: map[string]string{"A": "$HOME"}}}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got, warnings, err := expand(t, "services:\n  one: "+c.text+"\n", c.files)
			if err != nil {
				t.Fatal(err)
			}
			c.want.Name, c.want.Image = "one", c.want.Service.Image
			if c.want.Files == nil {
				c.want.Files = map[string]string{}
			}
			if diff := cmp.Diff([]workload.Input{c.want}, got); diff != "" {
				t.Errorf("services (-want +got):\n%s", diff)
			}
			if len(warnings) > 0 {
				t.Errorf("warnings: %q", warnings)
			}
		})
	}
}

func TestVolumesAndConfigs(t *testing.T) {
	got, _, err := expand(t, `
services:
  one:
    image: a:1
    volumes: ["Some_data:/data", "/anonymous"]
    configs: [{source: site, target: /etc/site.conf}, inline]
configs:
  site: {file: ./site.conf}
  inline: {content: "a=b"}
volumes:
  Some_data: {x-slipway: {size: 7Gi}}
`, map[string]string{"deploy/site.conf": "listen 80\n"})
	if err != nil {
		t.Fatal(err)
	}
	volumes := []project.Volume{{Path: "/data", Size: "7Gi", Name: "some-data"}, {Path: "/anonymous", Size: "1Gi"}}
	if diff := cmp.Diff(volumes, got[0].Service.Volumes); diff != "" {
		t.Errorf("volumes (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]string{"/etc/site.conf": "listen 80\n", "/inline": "a=b"}, got[0].Files); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

func TestSelection(t *testing.T) {
	const text = "services:\n  a: {image: a:1}\n  b: {image: b:1, profiles: [debug]}\n  c: {extends: {service: a}, command: [x]}\n"
	for name, c := range map[string]struct{ wanted, got []string }{
		"all but profiles": {nil, []string{"a", "c"}},
		"by name":          {[]string{"c", "b", "c"}, []string{"b", "c"}},
	} {
		t.Run(name, func(t *testing.T) {
			services, _, err := expand(t, text, nil, c.wanted...)
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			for _, s := range services {
				names = append(names, s.Name)
			}
			if diff := cmp.Diff(c.got, names); diff != "" {
				t.Errorf("services (-want +got):\n%s", diff)
			}
		})
	}
	_, _, err := expand(t, text, nil, "d")
	if fault.CodeOf(err) != fault.Invalid || !strings.Contains(err.Error(), "services.x.compose.services") || !strings.Contains(err.Error(), "it has a, b, c") {
		t.Errorf("a service that isn't there: %v", err)
	}
}

func TestWarnings(t *testing.T) {
	cases := map[string]struct{ text, says string }{
		"variable":   {"image: 'a:${TAG}'", "the variable TAG has no default"},
		"user":       {"image: a:1\n    user: nginx", "is a name"},
		"UDP":        {"image: a:1\n    ports: ['53:53/udp']", "only TCP"},
		"ulimits":    {"image: a:1\n    ulimits: {nproc: 1}", "deploy/compose.yaml:4: services.one.ulimits"},
		"extra host": {"image: a:1\n    extra_hosts: ['a:127.0.0.1']", "name service"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, warnings, err := expand(t, "services:\n  one:\n    "+c.text+"\n", nil)
			if err != nil && name != "variable" {
				t.Fatal(err)
			}
			if err == nil && (len(warnings) != 1 || !strings.Contains(warnings[0], c.says)) {
				t.Errorf("warnings are %q, want one that says %q", warnings, c.says)
			}
		})
	}
}

func TestSharedVolumeIsRefused(t *testing.T) {
	_, _, err := expand(t, "services:\n  a: {image: a:1, volumes: ['data:/d']}\n  b: {image: b:1, volumes: ['data:/d']}\nvolumes: {data: {}}\n", nil)
	if fault.CodeOf(err) != fault.Invalid || !strings.Contains(err.Error(), "belongs to a already") {
		t.Errorf("got %v, want a refusal", err)
	}
}
