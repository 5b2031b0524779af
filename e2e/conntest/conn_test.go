// Package conntest tests what the connections of a net promise. It is an ordinary
// package, whose net is Go's own; package e2e runs it with tinynet's.
package conntest

import (
	"errors"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/net/nettest"
)

func TestConn(t *testing.T) {
	for _, at := range []struct{ network, address string }{
		{"tcp4", "127.0.0.1:0"},
		{"tcp6", "[::1]:0"},
		{"tcp", ":0"},
		{"unix", ""},
	} {
		t.Run(at.network+at.address, func(t *testing.T) {
			if at.network == "unix" {
				at.address = filepath.Join(t.TempDir(), "s")
			}
			l, err := net.Listen(at.network, at.address)
			if errors.Is(err, errors.ErrUnsupported) || err != nil && strings.Contains(err.Error(), "no network device") {
				t.Skip(err)
			}
			if err != nil {
				t.Fatal(err)
			}
			l.Close()
			nettest.TestConn(t, func() (c1, c2 net.Conn, stop func(), err error) {
				return pair(at.network, at.address)
			})
		})
	}
}

func TestPipe(t *testing.T) {
	nettest.TestConn(t, func() (c1, c2 net.Conn, stop func(), err error) {
		c1, c2 = net.Pipe()
		return c1, c2, func() { c1.Close(); c2.Close() }, nil
	})
}

// pair returns the two ends of a connection.
func pair(network, address string) (c1, c2 net.Conn, stop func(), err error) {
	l, err := net.Listen(network, address)
	if err != nil {
		return nil, nil, nil, err
	}
	defer l.Close()
	accepted := make(chan error, 1)
	go func() {
		var err error
		c2, err = l.Accept()
		accepted <- err
	}()
	if c1, err = net.Dial(network, l.Addr().String()); err != nil {
		l.Close() // which ends Accept
		<-accepted
		return nil, nil, nil, err
	}
	if err := <-accepted; err != nil {
		c1.Close()
		return nil, nil, nil, err
	}
	return c1, c2, func() { c1.Close(); c2.Close() }, nil
}
