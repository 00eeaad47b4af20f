package netpol

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"
)

// admitLimit bounds one admission; requestLimit the bytes of a message.
const (
	admitLimit   = 20 * time.Second
	requestLimit = 64 << 10
)

// admission is what the network plugin asks for, and answer what it gets.
type admission struct {
	Namespace string     `json:"namespace"`
	Name      string     `json:"name"`
	Address   netip.Addr `json:"address"`
}

type answer struct {
	Error string `json:"error,omitempty"`
}

// Listen opens the socket on which Serve takes admissions. A socket that a
// killed agent left is replaced; only root may connect.
func Listen(path string) (net.Listener, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("replace socket: %w", err)
	}
	listener, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("open socket: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("protect socket: %w", err), listener.Close())
	}
	return listener, nil
}

// Serve answers admissions until ctx ends, and waits for those that run.
func (a *Agent) Serve(ctx context.Context, listener net.Listener) error {
	stop := context.AfterFunc(ctx, func() { _ = listener.Close() })
	defer stop()
	var running sync.WaitGroup
	defer running.Wait()
	for {
		connection, err := listener.Accept()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("accept: %w", err)
		}
		running.Go(func() { a.answer(ctx, connection) })
	}
}

func (a *Agent) answer(ctx context.Context, connection net.Conn) {
	defer func() { _ = connection.Close() }() // the other side is served or gone
	ctx, cancel := context.WithTimeout(ctx, admitLimit)
	defer cancel()
	if err := connection.SetDeadline(time.Now().Add(admitLimit + time.Second)); err != nil {
		return
	}
	var asked admission
	if err := json.NewDecoder(io.LimitReader(connection, requestLimit)).Decode(&asked); err != nil {
		return // also a health check, which says nothing
	}
	reply := answer{}
	if err := a.Admit(ctx, Key{asked.Namespace, asked.Name}, asked.Address); err != nil {
		a.log.Error("admit pod", "namespace", asked.Namespace, "pod", asked.Name, "error", err)
		reply.Error = err.Error()
	}
	_ = json.NewEncoder(connection).Encode(reply) // the plugin reports a lost answer itself
}

// ask sends an admission to the agent and waits for its answer.
func ask(socket string, asked admission) error {
	connection, err := net.DialTimeout("unix", socket, admitLimit)
	if err != nil {
		return fmt.Errorf("reach the network policy agent: %w; run devcluster up to start it", err)
	}
	defer func() { _ = connection.Close() }() // the answer is read or not
	if err := connection.SetDeadline(time.Now().Add(admitLimit + 2*time.Second)); err != nil {
		return fmt.Errorf("ask the network policy agent: %w", err)
	}
	if err := json.NewEncoder(connection).Encode(asked); err != nil {
		return fmt.Errorf("ask the network policy agent: %w", err)
	}
	var reply answer
	if err := json.NewDecoder(io.LimitReader(connection, requestLimit)).Decode(&reply); err != nil {
		return fmt.Errorf("hear the network policy agent: %w", err)
	}
	if reply.Error != "" {
		return errors.New(reply.Error)
	}
	return nil
}
