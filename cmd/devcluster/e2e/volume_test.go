//go:build e2e

package e2e

import (
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// kept is a claim without a class, and a pod that writes to it as nobody.
const kept = `
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: kept}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 10Mi}}}
---
apiVersion: v1
kind: Pod
metadata: {name: writer}
spec:
  hostUsers: false
  restartPolicy: Never
  securityContext: {runAsUser: 65534}
  containers:
  - name: write
    image: busybox:1.36
    command: [sh, -c, "echo kept > /data/file && cat /data/file"]
    volumeMounts: [{name: data, mountPath: /data}]
  volumes: [{name: data, persistentVolumeClaim: {claimName: kept}}]
`

func volumes(t *testing.T, c *cluster) {
	c.kubectl(t, kept, "apply", "-f", "-")
	c.kubectl(t, "", "wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/writer", "--timeout=3m")
	if output := c.kubectl(t, "", "logs", "writer"); strings.TrimSpace(output) != "kept" {
		t.Errorf("the pod read %q", output)
	}
	files, err := filepath.Glob(filepath.Join(c.dir, "volumes", "*", "file"))
	if err != nil || len(files) != 1 {
		t.Errorf("files on the node: %v %v, want one", files, err)
	}
	c.kubectl(t, "", "delete", "pod/writer", "pvc/kept")
	eventually(t, 2*time.Minute, "volume and folder go with the claim", func() string {
		left, err := filepath.Glob(filepath.Join(c.dir, "volumes", "*"))
		if err != nil || len(left) > 0 {
			return strings.Join(left, " ")
		}
		return strings.TrimSpace(strings.Replace(c.kubectl(t, "", "get", "pv"), "No resources found", "", 1))
	})
}
