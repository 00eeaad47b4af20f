package main

import (
	"bufio"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"
)

// client speaks just enough of the Redis protocol for this example.
type client struct{ address string }

// do sends one inline command and returns its answer.
func (c client) do(command string) (string, error) {
	conn, err := net.DialTimeout("tcp", c.address, 2*time.Second)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(2 * time.Second)); err != nil {
		return "", err
	}
	if _, err := fmt.Fprintf(conn, "%s\r\n", command); err != nil {
		return "", err
	}
	return answer(bufio.NewReader(conn))
}

func answer(r *bufio.Reader) (string, error) {
	line, err := r.ReadString('\n')
	if err != nil {
		return "", err
	}
	kind, rest := line[0], strings.TrimSpace(line[1:])
	switch kind {
	case '+', ':':
		return rest, nil
	case '$':
		if n, err := strconv.Atoi(rest); err != nil || n < 0 {
			return "", err
		}
		text, err := r.ReadString('\n')
		return strings.TrimSpace(text), err
	}
	return "", fmt.Errorf("the cache answered %q", strings.TrimSpace(line))
}
