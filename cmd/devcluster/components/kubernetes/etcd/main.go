// Command etcd is the etcd server in the version that Kubernetes' own client
// has, so both are compiled from the same packages.
package main

import (
	"os"

	"go.etcd.io/etcd/server/v3/etcdmain"
)

func main() {
	etcdmain.Main(os.Args)
}
