package wire

import (
	"bytes"
	"errors"
	"fmt"
	"os"

	gitssh "github.com/go-git/go-git/v5/plumbing/transport/ssh"
	"golang.org/x/crypto/ssh"
)

// config takes key and known hosts from the credentials alone.
func (s *sshSession) config() (*ssh.ClientConfig, error) {
	if len(s.credentials.SSHKey) == 0 || len(s.credentials.KnownHosts) == 0 {
		return nil, errNoKey
	}
	signer, err := ssh.ParsePrivateKey(s.credentials.SSHKey)
	if err != nil {
		return nil, errBadKey // the cause could quote the key
	}
	hosts, err := s.knownHosts()
	if err != nil {
		return nil, err
	}
	return &ssh.ClientConfig{
		User:              s.endpoint.user,
		Auth:              []ssh.AuthMethod{ssh.PublicKeys(signer)},
		HostKeyCallback:   hosts.HostKeyCallback(),
		HostKeyAlgorithms: hosts.HostKeyAlgorithms(s.endpoint.address()),
	}, nil
}

// hostKeys is what is needed of a known_hosts database.
type hostKeys interface {
	HostKeyCallback() ssh.HostKeyCallback
	HostKeyAlgorithms(address string) []string
}

// knownHosts parses the known_hosts lines; the parser only reads files.
func (s *sshSession) knownHosts() (hostKeys, error) {
	f, err := os.CreateTemp(s.client.scratch, "known_hosts-*")
	if err != nil {
		return nil, fmt.Errorf("write known hosts: %w", err)
	}
	defer func() { _ = os.Remove(f.Name()) }()
	_, err = f.Write(append(bytes.TrimSpace(s.credentials.KnownHosts), '\n'))
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("write known hosts: %w", err)
	}
	db, err := gitssh.NewKnownHostsDb(f.Name())
	if err != nil {
		return nil, errBadKnownHosts
	}
	return db, nil
}
