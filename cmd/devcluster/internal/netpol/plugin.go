package netpol

import (
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"strings"
)

// PluginName is the network plugin's type in the node's network configuration
// and the name under which the program must be called.
const PluginName = "slipway-netpol"

// pluginConfig is the part of the network configuration that the plugin reads.
type pluginConfig struct {
	CNIVersion string `json:"cniVersion"`
	// Socket is the agent's.
	Socket string `json:"socket"`
	// PrevResult is what the plugins before it made; it is passed on as it came.
	PrevResult json.RawMessage `json:"prevResult"`
}

// Plugin is a CNI plugin that comes after the one that gives a pod its address:
// it returns once the pod's network policies are in force, and fails when they
// can't be, so that no pod runs unrestricted by accident. The result or the
// error goes to out, as CNI wants it; the return value is the exit code.
func Plugin(getenv func(string) string, in io.Reader, out io.Writer) int {
	result, err := plugin(getenv, in)
	if err != nil {
		const runtimeError = 100 // the first code that plugins may use
		result, _ = json.Marshal(map[string]any{"cniVersion": "1.0.0", "code": runtimeError, "msg": err.Error()})
	}
	if _, writeErr := out.Write(result); err != nil || writeErr != nil {
		return 1
	}
	return 0
}

func plugin(getenv func(string) string, in io.Reader) ([]byte, error) {
	raw, err := io.ReadAll(io.LimitReader(in, 1<<20))
	if err != nil {
		return nil, fmt.Errorf("read network configuration: %w", err)
	}
	switch command := getenv("CNI_COMMAND"); command {
	case "VERSION":
		return []byte(`{"cniVersion":"1.0.0","supportedVersions":["0.4.0","1.0.0"]}`), nil
	case "DEL", "CHECK": // the agent sees by itself when a pod is gone
		return nil, nil
	case "ADD":
		return admit(getenv("CNI_ARGS"), raw)
	default:
		return nil, fmt.Errorf("unknown command %q", command)
	}
}

func admit(arguments string, raw []byte) ([]byte, error) {
	var config pluginConfig
	if err := json.Unmarshal(raw, &config); err != nil {
		return nil, fmt.Errorf("parse network configuration: %w", err)
	}
	asked := admission{Namespace: argument(arguments, "K8S_POD_NAMESPACE"), Name: argument(arguments, "K8S_POD_NAME")}
	address, err := firstAddress(config.PrevResult)
	if err != nil {
		return nil, err
	}
	asked.Address = address
	if err := ask(config.Socket, asked); err != nil {
		return nil, fmt.Errorf("enforce network policies on pod %s/%s: %w", asked.Namespace, asked.Name, err)
	}
	return config.PrevResult, nil
}

// firstAddress reads the pod's address from what the plugin before returned.
func firstAddress(result json.RawMessage) (netip.Addr, error) {
	var previous struct {
		IPs []struct {
			Address netip.Prefix `json:"address"`
		} `json:"ips"`
	}
	if err := json.Unmarshal(result, &previous); err != nil {
		return netip.Addr{}, fmt.Errorf("parse previous result: %w", err)
	}
	if len(previous.IPs) == 0 {
		return netip.Addr{}, fmt.Errorf("the plugin before gave the pod no address")
	}
	return previous.IPs[0].Address.Addr(), nil
}

// argument reads one of CNI's "NAME=VALUE;NAME=VALUE".
func argument(arguments, name string) string {
	for pair := range strings.SplitSeq(arguments, ";") {
		if value, is := strings.CutPrefix(pair, name+"="); is {
			return value
		}
	}
	return ""
}
