//go:build !(linux || darwin) || tinygo

package net

import "net/netip"

// msgCall is for systems that have descriptors.
type msgCall struct{}

func (s *devSocket) hasMsgs() bool { return false }

func (s *devSocket) recvAddrMsg(b, oob []byte) (n, oobn, flags int, from netip.AddrPort, err error) {
	return 0, 0, 0, from, errNoControl
}

func (s *devSocket) sendAddrMsg(b, oob []byte, to netip.AddrPort) (n, oobn int, err error) {
	return 0, 0, errNoControl
}

func (s *devSocket) recvUnixMsg(b, oob []byte) (n, oobn, flags int, from string, err error) {
	return 0, 0, 0, "", errNoControl
}

func (s *devSocket) sendUnixMsg(b, oob []byte, to string) (n, oobn int, err error) {
	return 0, 0, errNoControl
}
