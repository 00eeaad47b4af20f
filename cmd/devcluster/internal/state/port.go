package state

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
)

// Ports are chosen below the range from which the kernel gives ports to
// listeners and connections that ask for any, and below Kubernetes' node ports,
// so only another cluster's choice can collide; then up chooses again.
const (
	lowestPort  = 20000
	highestPort = 29999
)

// Port returns the loopback port of that name, choosing a free one the first time.
func (s *State) Port(name string) (int, error) {
	if port, chosen := s.Ports[name]; chosen {
		return port, nil
	}
	taken := map[int]bool{}
	for _, port := range s.Ports {
		taken[port] = true
	}
	for range 200 {
		port := lowestPort + rand.IntN(highestPort-lowestPort+1)
		if !taken[port] && isFree(port) {
			s.Ports[name] = port
			return port, nil
		}
	}
	return 0, fmt.Errorf("choose a port for %s: 200 tries between %d and %d on 127.0.0.1 were all in use", name, lowestPort, highestPort)
}

func isFree(port int) bool {
	listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return false
	}
	return listener.Close() == nil
}
