package node

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/slipway-dev/slipway/cmd/devcluster/internal/layout"
	"github.com/slipway-dev/slipway/cmd/devcluster/internal/process"
)

func (c Config) kubelet() (process.Spec, error) {
	resolver, err := resolverFile()
	if err != nil {
		return process.Spec{}, err
	}
	path, content, err := c.write("kubelet.json", c.kubeletConfiguration(resolver))
	if err != nil {
		return process.Spec{}, err
	}
	return c.spec(Kubelet, c.Kubernetes, []string{content},
		"--config="+path,
		"--kubeconfig="+c.kubeconfig(Kubelet),
		"--root-dir="+c.Layout.File("kubelet"),
		"--cert-dir="+c.Layout.File("kubelet", "pki"),
		"--hostname-override="+layout.NodeName,
		"--node-ip="+layout.BridgeAddress,
	), nil
}

func (c Config) kubeletConfiguration(resolver string) map[string]any {
	return map[string]any{
		"apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration",
		"containerRuntimeEndpoint": "unix://" + ContainerdSocket(),
		"address":                  layout.BridgeAddress,
		"port":                     layout.KubeletPort,
		"readOnlyPort":             0,
		"healthzBindAddress":       "127.0.0.1",
		"healthzPort":              c.KubeletHealthPort,
		"tlsCertFile":              c.Authority.CertFile(Kubelet),
		"tlsPrivateKeyFile":        c.Authority.KeyFile(Kubelet),
		"authentication": map[string]any{
			"anonymous": map[string]any{"enabled": false},
			"webhook":   map[string]any{"enabled": true},
			"x509":      map[string]any{"clientCAFile": c.Authority.CertFile("ca")},
		},
		"authorization":       map[string]any{"mode": "Webhook"},
		"clusterDNS":          []string{layout.DNSService},
		"clusterDomain":       layout.Domain,
		"resolvConf":          resolver,
		"podLogsDir":          c.Layout.File("pod-logs"),
		"volumePluginDir":     c.Layout.File("kubelet", "volume-plugins"),
		"cgroupDriver":        "cgroupfs",
		"cgroupRoot":          "/" + layout.CgroupName,
		"failCgroupV1":        false,
		"failSwapOn":          false,
		"oomScoreAdj":         0, // root in a container may not lower it
		"serializeImagePulls": false,
		// The API server, etcd and compilers run beside the pods.
		"systemReserved":         map[string]string{"memory": fmt.Sprintf("%dMi", reserved(c.Memory)>>20)},
		"makeIPTablesUtilChains": false, // kube-proxy uses nftables
		// A developer's disk is often nearly full; that's no reason to evict pods.
		"evictionHard": map[string]string{
			"memory.available": "0%", "nodefs.available": "0%", "nodefs.inodesFree": "0%",
			"imagefs.available": "0%", "imagefs.inodesFree": "0%",
		},
		"imageGCHighThresholdPercent": 100,
	}
}

// reserved is a tenth of the machine's memory, at most 1 GiB.
func reserved(memory int64) int64 { return min(memory/10, 1<<30) }

// resolverFile is where pods that use the machine's resolver find it. A
// resolver on loopback can't be reached from a pod, so the list of those behind
// systemd's is taken instead.
func resolverFile() (string, error) {
	const usual, behind = "/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"
	raw, err := os.ReadFile(usual)
	if err != nil {
		return "", fmt.Errorf("read resolver configuration: %w", err)
	}
	for line := range strings.Lines(string(raw)) {
		fields := strings.Fields(line)
		if len(fields) < 2 || fields[0] != "nameserver" || !strings.HasPrefix(fields[1], "127.") {
			continue
		}
		if _, err := os.Stat(behind); err == nil {
			return behind, nil
		}
	}
	return usual, nil
}

// CheckPaths says whether the kubelet's sockets fit into the kernel's limit.
func CheckPaths(run string) error {
	const limit = 107
	longest := filepath.Join(run, "kubelet", "pod-resources", "kubelet.sock")
	if len(longest) > limit {
		return fmt.Errorf("the cluster's folder %s is too long: the path of a socket in it has %d bytes, the kernel allows %d; choose a shorter one with --dir", run, len(longest), limit)
	}
	return nil
}

// MachineMemory reads the machine's memory in bytes.
func MachineMemory() (int64, error) {
	raw, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0, fmt.Errorf("read memory size: %w", err)
	}
	var kilobytes int64
	if _, err := fmt.Sscanf(string(raw), "MemTotal: %d kB", &kilobytes); err != nil {
		return 0, fmt.Errorf("parse memory size: %w", err)
	}
	return kilobytes << 10, nil
}
