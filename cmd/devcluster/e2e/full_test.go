//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/cmd/devcluster/internal/layout"
	"github.com/slipway-dev/slipway/cmd/devcluster/internal/process"
)

// TestFull walks one whole node through its life: it comes, works, is repaired
// after every program was killed, enforces policies, and goes without a trace.
func TestFull(t *testing.T) {
	if os.Getuid() != 0 {
		t.Fatal("a full cluster needs root")
	}
	c := newCluster(t, program(t))
	before := lookAround(t, c.dir)

	c.run(t, "up")
	c.run(t, "image", "seed", "busybox:1.36", "--registry", layout.Registry())
	deploy(t, c)
	t.Run("again is quick", func(t *testing.T) { upAgain(t, c) })
	t.Run("a page through the ingress", func(t *testing.T) { page(t, c) })
	t.Run("inside a pod", func(t *testing.T) { insidePod(t, c) })
	t.Run("listens nowhere else", func(t *testing.T) { listens(t, c) })
	t.Run("policies", func(t *testing.T) { policies(t, c) })
	t.Run("volumes", func(t *testing.T) { volumes(t, c) })
	t.Run("repair", func(t *testing.T) { repair(t, c) })
	t.Run("only one", func(t *testing.T) { onlyOne(t, c) })

	c.run(t, "down")
	eventually(t, time.Minute, "no trace is left", func() string {
		return strings.Join(left(before, lookAround(t, c.dir)), "\n")
	})
	if _, err := os.Stat(c.dir); !os.IsNotExist(err) {
		t.Errorf("the cluster's folder is still there: %v", err)
	}
}

// hello is a page served by a pod whose root is nobody on the node.
const hello = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: hello}
spec:
  selector: {matchLabels: {app: hello}}
  template:
    metadata: {labels: {app: hello}}
    spec:
      hostUsers: false
      terminationGracePeriodSeconds: 0
      containers:
      - name: web
        image: busybox:1.36
        command: [sh, -c, "mkdir /www && echo hello from a pod > /www/index.html && echo started && exec httpd -f -p 8080 -h /www"]
        ports: [{name: http, containerPort: 8080}]
        readinessProbe: {httpGet: {port: http, path: /}, periodSeconds: 1}
---
apiVersion: v1
kind: Service
metadata: {name: hello}
spec: {selector: {app: hello}, ports: [{port: 80, targetPort: http}]}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: hello}
spec:
  rules:
  - host: web.hello.localhost
    http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: hello, port: {number: 80}}}}]}
`

func deploy(t *testing.T, c *cluster) {
	t.Helper()
	c.kubectl(t, hello, "apply", "-f", "-")
	c.kubectl(t, "", "rollout", "status", "deployment/hello", "--timeout=3m")
}

func upAgain(t *testing.T, c *cluster) {
	began := time.Now()
	output := c.run(t, "up")
	t.Logf("a second up took %s", time.Since(began)) // 0.5 s on an idle machine
	if output != "" {
		t.Errorf("second up did something: %s", output)
	}
}

func page(t *testing.T, c *cluster) {
	now := c.status(t)
	eventually(t, time.Minute, "the page is served", func() string {
		return get(strings.Replace(now.Ingress, "127.0.0.1", "web.hello.localhost", 1), "", "hello from a pod")
	})
	if complaint := get("http://"+layout.BridgeAddress+":8080", "web.hello.localhost", "hello from a pod"); complaint != "" {
		t.Errorf("through the bridge: %s", complaint)
	}
	if complaint := get("http://"+now.Registry+"/v2/library/busybox/tags/list", "", "1.36"); complaint != "" {
		t.Errorf("registry: %s", complaint)
	}
}

// get returns a complaint unless the address answers 200 with text.
func get(url, host, text string) string {
	transport := &http.Transport{DialContext: loopback, DisableKeepAlives: true}
	client := &http.Client{Timeout: 5 * time.Second, Transport: transport}
	request, err := http.NewRequest(http.MethodGet, url, http.NoBody)
	if err != nil {
		return err.Error()
	}
	request.Host = host
	response, err := client.Do(request)
	if err != nil {
		return err.Error()
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK || !strings.Contains(string(body), text) {
		return fmt.Sprintf("%s: %s (%v)", response.Status, body, err)
	}
	return ""
}

// loopback resolves names below localhost as browsers and curl do.
func loopback(ctx context.Context, kind, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	if strings.HasSuffix(host, ".localhost") {
		host = "127.0.0.1"
	}
	var dialer net.Dialer
	return dialer.DialContext(ctx, kind, net.JoinHostPort(host, port))
}

// insidePod proves logs, exec, user namespaces, DNS, Services, the registry, the
// ingress and the API server's Service from a pod.
func insidePod(t *testing.T, c *cluster) {
	if output := c.kubectl(t, "", "logs", "deployment/hello"); !strings.Contains(output, "started") {
		t.Errorf("logs: %q", output)
	}
	for name, script := range map[string]struct{ command, want string }{
		"root is nobody outside": {"awk '{print ($2 > 65535)}' /proc/self/uid_map", "1"},
		"service by name":        {"timeout 5 wget -qO- http://hello.default.svc.cluster.local/", "hello from a pod"},
		"registry":               {"timeout 5 wget -qO- http://" + layout.Registry() + "/v2/library/busybox/tags/list", "1.36"},
		"ingress":                {"timeout 5 wget -qO- --header 'Host: web.hello.localhost' http://" + layout.BridgeAddress + ":8080/", "hello from a pod"},
		"API server's service":   {"nc -w 5 kubernetes.default 443 < /dev/null && echo reached", "reached"},
		"service account":        {"ls /var/run/secrets/kubernetes.io/serviceaccount", "token"},
	} {
		t.Run(name, func(t *testing.T) {
			if output := c.kubectl(t, "", "exec", "deployment/hello", "--", "sh", "-c", script.command); !strings.Contains(output, script.want) {
				t.Errorf("%s: %q, want %q in it", script.command, output, script.want)
			}
		})
	}
}

// listens proves that no program of the cluster listens on an outer address.
func listens(t *testing.T, c *cluster) {
	pids := map[string]bool{}
	for _, component := range c.status(t).Components {
		pids[fmt.Sprintf("pid=%d,", component.PID)] = component.PID != 0
	}
	raw, err := exec.Command("ss", "-Hltnup").CombinedOutput()
	if err != nil {
		t.Fatalf("ss: %v\n%s", err, raw)
	}
	seen := 0
	for line := range strings.Lines(string(raw)) {
		fields := strings.Fields(line)
		for pid, ours := range pids {
			if !ours || !strings.Contains(line, pid) {
				continue
			}
			seen++
			if local := fields[4]; !strings.HasPrefix(local, "127.0.0.1:") && !strings.HasPrefix(local, layout.BridgeAddress+":") {
				t.Errorf("listens on %s: %s", local, line)
			}
		}
	}
	if seen < 8 {
		t.Errorf("found %d listening sockets only, so nothing is proved", seen)
	}
}

// repair kills every program in turn, and a pod's shim, and lets up mend it.
func repair(t *testing.T, c *cluster) {
	for _, component := range c.status(t).Components {
		if component.PID == 0 {
			continue
		}
		t.Run(component.Name, func(t *testing.T) {
			if err := syscall.Kill(component.PID, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			c.run(t, "up")
			if now := c.status(t).pid(t, component.Name); now == component.PID {
				t.Errorf("pid is still %d", now)
			}
		})
	}
	t.Run("shims", func(t *testing.T) { killShims(t, c) })
	c.run(t, "up")
	eventually(t, 3*time.Minute, "the page is served again", func() string {
		return get("http://web.hello.localhost:8080", "", "hello from a pod")
	})
	eventually(t, 3*time.Minute, "all is well", func() string {
		if output, err := c.try("status"); err != nil {
			return output
		}
		return ""
	})
}

// killShims kills those of this cluster, known by its mark.
func killShims(t *testing.T, c *cluster) {
	marked, err := process.Marked(c.dir)
	if err != nil {
		t.Fatal(err)
	}
	killed := 0
	for _, id := range marked {
		path, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", id.PID))
		if err == nil && filepath.Base(path) == "containerd-shim-runc-v2" && id.Signal(syscall.SIGKILL) == nil {
			killed++
		}
	}
	if killed < 3 {
		t.Errorf("killed %d shims, want those of three pods", killed)
	}
}

func onlyOne(t *testing.T, c *cluster) {
	other := newCluster(t, c.program)
	output, err := other.try("up")
	if err == nil || !strings.Contains(output, "one full cluster only") || !strings.Contains(output, c.dir) {
		t.Errorf("a second full cluster: %v %q, want a refusal that names %s", err, output, c.dir)
	}
}
