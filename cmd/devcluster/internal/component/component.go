package component

// Component is one small Go module that pins programs.
type Component struct {
	// Name is its folder under components.
	Name string
	// Packages are what is built, each into a file named by its last element.
	Packages []string
	// Links are further names for a program: name to program.
	Links map[string]string
	// Tags and Defines go to the compiler and the linker.
	Tags    string
	Defines []string
	// CGO is for programs that need the C library.
	CGO bool
	// Expect tells a person how long the first compilation takes on two cores.
	Expect string
}

// Kubernetes is etcd and the Kubernetes programs in one binary.
func Kubernetes() Component {
	const version = "k8s.io/component-base/version."
	return Component{
		Name:     "kubernetes",
		Packages: []string{".", "./etcd"},
		Links: map[string]string{
			"kube-apiserver": "kubernetes", "kube-controller-manager": "kubernetes", "kube-scheduler": "kubernetes",
			"kubelet": "kubernetes", "kube-proxy": "kubernetes", "kubectl": "kubernetes",
		},
		// Kubernetes stamps its version when it is linked; clients compare it.
		Defines: []string{
			version + "gitVersion=v1.36.3", version + "gitMajor=1", version + "gitMinor=36", version + "gitTreeState=clean",
		},
		Expect: "about 10 minutes",
	}
}

// Containerd is the container runtime, its shim and its client.
func Containerd() Component {
	const commands = "github.com/containerd/containerd/v2/cmd/"
	return Component{
		Name:     "containerd",
		Packages: []string{commands + "containerd", commands + "containerd-shim-runc-v2", commands + "ctr"},
		Expect:   "about 3 minutes",
	}
}

// Runc starts containers; its seccomp filter needs Debian's libseccomp-dev.
func Runc() Component {
	return Component{
		Name: "runc", Packages: []string{"github.com/opencontainers/runc"}, Tags: "seccomp", CGO: true,
		Expect: "about 20 seconds",
	}
}

// CoreDNS is the cluster's DNS server.
func CoreDNS() Component {
	return Component{Name: "coredns", Packages: []string{"github.com/coredns/coredns"}, Expect: "about 3 minutes"}
}

// Skipper is the ingress controller.
func Skipper() Component {
	return Component{Name: "skipper", Packages: []string{"github.com/zalando/skipper/cmd/skipper"}, Expect: "about 2 minutes"}
}

// Helm is the chart installer, for people and for the demo.
func Helm() Component {
	return Component{Name: "helm", Packages: []string{"helm.sh/helm/v4/cmd/helm"}, Expect: "about 1 minute"}
}
