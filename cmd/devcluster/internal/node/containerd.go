package node

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/slipway-dev/slipway/cmd/devcluster/internal/layout"
	"github.com/slipway-dev/slipway/cmd/devcluster/internal/netpol"
	"github.com/slipway-dev/slipway/cmd/devcluster/internal/process"
)

func (c Config) containerd() (process.Spec, error) {
	if err := c.writeMirrors(); err != nil {
		return process.Spec{}, err
	}
	if _, _, err := c.write("cni/10-slipway.conflist", c.cni()); err != nil {
		return process.Spec{}, err
	}
	path, content, err := c.writeText("containerd.toml", c.containerdConfiguration())
	if err != nil {
		return process.Spec{}, err
	}
	// It must not be told of a service supervisor that isn't there.
	return c.spec(Containerd, c.Containerd, []string{content}, "--config="+path), nil
}

// containerdTemplate is TOML, whose strings are quoted as Go's are.
const containerdTemplate = `version = 3
root = %[1]q
state = %[2]q
temp = %[3]q
imports = []
disabled_plugins = [
  "io.containerd.snapshotter.v1.blockfile", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.erofs", "io.containerd.snapshotter.v1.zfs", "io.containerd.differ.v1.erofs",
  "io.containerd.mount-handler.v1.erofs", "io.containerd.tracing.processor.v1.otlp",
]

[cgroup]
path = %[4]q

[grpc]
address = %[5]q

[ttrpc]
address = %[6]q

[plugins."io.containerd.internal.v1.opt"]
path = %[7]q

[plugins."io.containerd.nri.v1.nri"]
disable = true

[plugins."io.containerd.shim.v1.manager"]
socket_dir = %[8]q

[plugins."io.containerd.cri.v1.images".pinned_images]
sandbox = %[9]q

[plugins."io.containerd.cri.v1.images".registry]
config_path = %[10]q

[plugins."io.containerd.cri.v1.runtime"]
# Root in a container lacks CAP_SYS_RESOURCE and can't lower a process's score.
restrict_oom_score_adj = true
# Named network namespaces would be mounted in a folder that others use too.
netns_mounts_under_state_dir = true
cdi_spec_dirs = []

[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"

[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
BinaryName = %[11]q
Root = %[12]q
SystemdCgroup = false

[plugins."io.containerd.cri.v1.runtime".cni]
bin_dirs = ["/usr/lib/cni", %[14]q]
conf_dir = %[13]q
`

// containerdConfiguration keeps everything in the cluster's folders and nothing
// in the places that another containerd on the machine uses.
func (c Config) containerdConfiguration() string {
	return fmt.Sprintf(containerdTemplate,
		c.Layout.File("containerd"), filepath.Join(layout.Sockets, "containerd"), c.Layout.File("containerd-tmp"),
		"/"+layout.CgroupName+"/containerd",
		ContainerdSocket(), ContainerdSocket()+".ttrpc",
		c.Layout.File("containerd-opt"),
		filepath.Join(layout.Sockets, "s"),
		c.PauseImage, c.Layout.File("config", "registries"),
		filepath.Join(c.Runc, "runc"), filepath.Join(layout.Sockets, "runc"),
		c.Layout.File("config", "cni"), c.Plugins,
	)
}

// cni gives each pod a device and a route of its own; see package network for why.
func (c Config) cni() map[string]any {
	return map[string]any{
		"cniVersion": "1.0.0",
		"name":       "slipway-devcluster",
		"plugins": []any{map[string]any{
			"type":   "ptp", // a pod's device, its address and its routes
			"ipMasq": false, // the cluster's own table does that
			"mtu":    c.MTU,
			"ipam": map[string]any{
				"type":    "host-local",
				"dataDir": c.Layout.File("cni"),
				"ranges":  []any{[]any{map[string]any{"subnet": layout.PodNetwork, "gateway": layout.BridgeAddress}}},
				"routes":  []any{map[string]any{"dst": "0.0.0.0/0"}},
			},
		}, map[string]any{
			"type":   netpol.PluginName, // waits until its network policies hold
			"socket": PolicySocket(),
		}},
	}
}

// writeMirrors tells containerd that our registry is plain HTTP, and that it
// stands in for Docker Hub: an image that isn't seeded is not found, rather
// than fetched from the internet behind a person's back.
func (c Config) writeMirrors() error {
	registry := fmt.Sprintf("http://%s", layout.Registry())
	hosts := fmt.Sprintf("server = %q\n\n[host.%q]\ncapabilities = [\"pull\", \"resolve\"]\n", registry, registry)
	for _, host := range []string{layout.Registry(), "docker.io"} {
		if _, _, err := c.writeText(filepath.Join("registries", host, "hosts.toml"), hosts); err != nil {
			return err
		}
	}
	for _, dir := range []string{layout.Sockets, c.Layout.File("containerd-tmp")} {
		if err := os.MkdirAll(dir, 0o711); err != nil {
			return fmt.Errorf("prepare containerd: %w", err)
		}
	}
	return nil
}
