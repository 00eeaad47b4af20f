//go:build e2e

package e2e

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/e2e/stand"
)

// containedFiles is a repository as people have them: not a word of security
// contexts, and everything starts as root.
func containedFiles() map[string]string {
	return map[string]string{
		"slipway.yaml": `version: 1
project: contained
members: [{user: alice, role: owner}]
stages: [{name: dev, branch: main}]
services:
  drop: {build: {context: drop}}
  db:
    image: redis:7.4
    args: [redis-server, --appendonly, "yes"]
    port: 6379
    volumes: [{name: data, path: /data, size: 64Mi}]
  tidy: {image: "busybox:1.36", schedule: "* * * * *", command: [sh, -c, "id -u > /root/mark && chown 1000 /root/mark"]}
  chart: {helm: {chart: chart}}
  raw: {kustomize: raw}
`,
		// As images of databases do: root makes the folder, somebody else runs.
		"drop/Dockerfile":  "FROM redis:7.4\nCOPY start.sh /start.sh\nENTRYPOINT [\"sh\", \"/start.sh\"]\n",
		"drop/start.sh":    "set -e\nmkdir -p /var/lib/drop\nchown redis:redis /var/lib/drop\nexec setpriv --reuid=redis --regid=redis --init-groups sh -c 'touch /var/lib/drop/mine; exec sleep 100000'\n",
		"chart/Chart.yaml": "apiVersion: v2\nname: chart\nversion: 1.0.0\n",
		"chart/templates/site.yaml": `apiVersion: apps/v1
kind: Deployment
metadata: {name: site}
spec:
  selector: {matchLabels: {app: site}}
  template:
    metadata: {labels: {app: site}}
    spec:
      containers:
      - name: site
        image: busybox:1.36
        command: [sh, -c, "mkdir -p /www && id -un > /www/index.html && exec httpd -f -p 80 -h /www"]
        ports: [{containerPort: 80}]
        readinessProbe: {httpGet: {path: /, port: 80}}
`,
		"raw/kustomization.yaml": "resources: [worker.yaml]\nconfigMapGenerator: [{name: settings, literals: [colour=red]}]\n",
		"raw/worker.yaml": `apiVersion: apps/v1
kind: Deployment
metadata: {name: worker}
spec:
  selector: {matchLabels: {app: worker}}
  template:
    metadata: {labels: {app: worker}}
    spec:
      initContainers:
      - {name: prepare, image: "busybox:1.36", command: [sh, -c, "cp /settings/colour /scratch/colour && chown 1000 /scratch/colour"], volumeMounts: [{name: settings, mountPath: /settings}, {name: scratch, mountPath: /scratch}]}
      containers:
      - {name: worker, image: "busybox:1.36", command: [sh, -c, "cat /scratch/colour > /worker && exec sleep 100000"], volumeMounts: [{name: scratch, mountPath: /scratch}]}
      volumes:
      - {name: settings, configMap: {name: settings}}
      - {name: scratch, emptyDir: {}}
`,
	}
}

// TestContained runs what starts as root, and finds it to be nobody on the node.
func TestContained(t *testing.T) {
	tm := newTeam(t, "contained")
	files := containedFiles()
	commit := tm.push(t, "alice", "main", files, "As people have it")
	tm.await(t, "dev", commit, v1alpha1.PhaseSucceeded)

	for workload, tt := range map[string]struct{ command, want string }{
		"deploy/drop":    {"stat -c %U /proc/1 /var/lib/drop/mine", "redis redis"},
		"statefulset/db": {"stat -c %U /proc/1 /data/appendonlydir", "redis redis"},
		"deploy/site":    {"cat /www/index.html", "root"},
		"deploy/worker":  {"cat /worker", "red"},
	} {
		t.Run(workload, func(t *testing.T) {
			if got := tm.inside(t, workload, tt.command); got != tt.want {
				t.Errorf("%s says %q, want %q", tt.command, got, tt.want)
			}
			// The first line maps 0 inside to a high number outside.
			if mapped := strings.Fields(tm.inside(t, workload, "cat /proc/self/uid_map")); len(mapped) < 3 || mapped[0] != "0" || len(mapped[1]) < 5 {
				t.Errorf("users are mapped as %v: root is the node's", mapped)
			}
			if got := tm.inside(t, workload, "grep NoNewPrivs /proc/self/status"); got != "NoNewPrivs: 1" {
				t.Errorf("it may gain rights: %q", got)
			}
		})
	}
	t.Run("data outlives the pod", func(t *testing.T) { outlives(t, tm) })
	t.Run("a schedule runs", func(t *testing.T) { runsOnSchedule(t, tm) })
}

// inside runs a command in a pod and returns its words.
func (tm *team) inside(t *testing.T, workload, command string) string {
	t.Helper()
	args := append([]string{"-n", tm.stage("dev"), "exec", workload, "--"}, strings.Fields(command)...)
	out, err := tm.Kubectl(t.Context(), args...)
	if err != nil {
		t.Fatalf("%s in %s: %v", command, workload, err)
	}
	return strings.Join(strings.Fields(out), " ")
}

// outlives writes to the database, replaces its pod, and reads it again.
func outlives(t *testing.T, tm *team) {
	if got := tm.inside(t, "statefulset/db", "redis-cli set colour blue"); got != "OK" {
		t.Fatalf("set: %q", got)
	}
	if out, err := tm.Kubectl(t.Context(), "-n", tm.stage("dev"), "delete", "pod", "db-0"); err != nil {
		t.Fatalf("%s: %v", out, err)
	}
	var got string
	err := stand.Poll(t.Context(), 2*time.Minute, func(ctx context.Context) (bool, error) {
		out, err := tm.Kubectl(ctx, "-n", tm.stage("dev"), "exec", "statefulset/db", "--", "redis-cli", "get", "colour")
		got = strings.TrimSpace(out)
		return err == nil && got == "blue", nil
	})
	if err != nil {
		tm.explain(t)
		t.Fatalf("after the pod was replaced: %q: %v", got, err)
	}
}

// runsOnSchedule waits until a Job of the schedule succeeded.
func runsOnSchedule(t *testing.T, tm *team) {
	var got string
	err := stand.Poll(t.Context(), 3*time.Minute, func(ctx context.Context) (bool, error) {
		var err error
		got, err = tm.Kubectl(ctx, "-n", tm.stage("dev"), "get", "jobs", "-o", "jsonpath={.items[*].status}")
		return strings.Contains(got, `"succeeded":1`), err
	})
	if err != nil {
		tm.explain(t)
		t.Fatalf("no run succeeded: %s: %v", got, err)
	}
}

// The node has user namespaces, and the Cluster says so.
func TestClusterKnowsItsNodes(t *testing.T) {
	var got string
	err := stand.Poll(t.Context(), 2*time.Minute, func(ctx context.Context) (bool, error) {
		var err error
		got, err = shared.Kubectl(ctx, "get", "clusters.slipway.dev", "-A", "-o", `jsonpath={.items[0].status.conditions[?(@.type=="UserNamespaces")]}`)
		return strings.Contains(got, `"status":"True"`), err
	})
	if err != nil {
		t.Errorf("the condition is %s: %v", got, err)
	}
}
