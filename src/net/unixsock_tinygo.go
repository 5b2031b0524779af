//go:build tinygo

package net

import "context"

// Devices of TinyGo's programs have no Unix domain sockets: openUnix fails, and
// nothing else is called.

func openUnix(network string) (*devSocket, error) {
	switch network {
	case "unix", "unixgram", "unixpacket":
		return nil, errNoUnix
	}
	return nil, UnknownNetworkError(network)
}

func (d *Dialer) dialUnixName(ctx context.Context, network, address string) (Conn, error) {
	return nil, dialError(network, errNoUnix)
}

func (lc *ListenConfig) listenUnixName(network, address string) (Listener, error) {
	return nil, listenError(network, errNoUnix)
}

func (lc *ListenConfig) listenUnixgramName(network, address string) (PacketConn, error) {
	return nil, listenError(network, errNoUnix)
}

func (s *devSocket) bindUnix(name string) error                         { return errNoUnix }
func (s *devSocket) connectUnix(ctx context.Context, name string) error { return errNoUnix }
func (s *devSocket) acceptUnix() (*devSocket, string, error)            { return nil, "", errNoUnix }
func (s *devSocket) unixName(peer bool) (string, error)                 { return "", errNoUnix }
func (s *devSocket) recvUnix(b []byte) (int, string, error)             { return 0, "", errNoUnix }
func (s *devSocket) sendUnix(b []byte, to string) (int, error)          { return 0, errNoUnix }

func removeName(name string) {}
