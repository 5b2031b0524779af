package net

import (
	"net/netip"
	"os"
	"sync"
	"time"
)

// A binding is a port in use: by a listener, by a datagram socket, or by the
// dialing end of a loopback connection.
type binding struct {
	udp   bool
	dual  bool           // "::" that stands for all IPv4 addresses too
	dual6 bool           // and so does the device's socket
	taken bool           // it is in the list of ports in use
	local netip.AddrPort // the unspecified address for all addresses of the family
	peer  netip.AddrPort // of a connected datagram socket

	// Who takes what arrives there: one of them, or none.
	listener *loopListener
	inbox    *udpSocket

	prev, next *binding
}

// newBinding returns the binding for a socket that listens at an address, which
// may name no host.
func newBinding(udp bool, family byte, at netip.AddrPort) *binding {
	b := &binding{udp: udp, local: at}
	if isWildcard(at.Addr()) {
		all := netip.IPv6Unspecified()
		if family == '4' {
			all = netip.IPv4Unspecified()
		}
		b.local = netip.AddrPortFrom(all, at.Port())
		b.dual = family == 0
	}
	return b
}

// domain returns an address in the family that a device's socket for b needs.
func (b *binding) domain() netip.Addr {
	if b.dual && !b.dual6 {
		return netip.IPv4Unspecified()
	}
	return b.local.Addr()
}

// open makes the device's socket for b: one for both families if b stands for
// both and the device can do that.
func (b *binding) open() (*devSocket, error) {
	dev, err := currentDevice()
	if err != nil {
		return nil, err
	}
	stype, proto := sockStream, protoTCP
	if udpBound && b.udp {
		stype, proto = sockDgram, protoUDP
	}
	if b.dual {
		b.dual6 = true
		if s, err := openSocket(dev, b.domain(), stype, proto); err == nil {
			if s.setOption(solIPv6, ipv6V6only, false) == nil {
				return s, nil
			}
			s.abandon()
		}
		b.dual6 = false
		if b.listener == nil && b.inbox == nil {
			// Not in memory either.
			b.dual = false
			b.local = netip.AddrPortFrom(netip.IPv4Unspecified(), b.local.Port())
		}
	}
	return openSocket(dev, b.domain(), stype, proto)
}

// where tells whether a socket for b is needed in memory and on the device.
func (b *binding) where() (memory, device bool) {
	loop, all := isLoopback(b.local.Addr()), b.local.Addr().IsUnspecified()
	if deviceHasLoopback() {
		return false, true
	}
	return loop || all, !loop
}

// ports are the bindings. There are few on a device, so they are a list.
var ports struct {
	mu    sync.Mutex
	first *binding
	last  uint16 // ephemeral port that was given last
}

// Ephemeral ports are those that RFC 6335 sets apart for it.
const firstEphemeral = 49152

// take enters b in the list of ports in use. Port 0 becomes a free one.
func (b *binding) take() error {
	ports.mu.Lock()
	free := false
	if b.local.Port() != 0 {
		free = !b.collides()
	} else {
		free = b.choose()
	}
	if free {
		b.taken = true
		b.prev, b.next = nil, ports.first
		if b.next != nil {
			b.next.prev = b
		}
		ports.first = b
	}
	ports.mu.Unlock()
	if !free {
		return errAddrInUse
	}
	return nil
}

// bindTries is how many ports are tried when the device refuses one that was
// chosen for it.
const bindTries = 8

// bind takes b's port, and binds s to it unless s is nil. Port 0 becomes a port
// that is free in memory and on the device. A port that is the device's alone
// is left to the device if that tells which one it chose.
func (b *binding) bind(s *devSocket) error {
	if s != nil && b.listener == nil && b.inbox == nil && s.tells() {
		err := s.bind(netip.AddrPortFrom(b.domain(), b.local.Port()))
		if err == nil {
			b.local = s.localAddr(b.local, netip.Addr{})
		}
		return err
	}
	want := b.local
	for try := 1; ; try++ {
		if err := b.take(); err != nil {
			return os.NewSyscallError("bind", err)
		}
		if s == nil {
			return nil
		}
		err := s.bind(netip.AddrPortFrom(b.domain(), b.local.Port()))
		if err == nil {
			return nil
		}
		b.release()
		if want.Port() != 0 || try == bindTries {
			return err
		}
		b.local = want
		skipPorts()
	}
}

// bindDialer binds a stream that is going to be connected to remote to local,
// if that is valid, and returns what it is bound to. Who else would not learn of a
// plain device which port it gave is given one that is chosen here, unless the
// device refuses that.
func (s *devSocket) bindDialer(local netip.AddrPort, remote netip.Addr) (netip.AddrPort, error) {
	if s.tells() || local.Port() != 0 {
		if !local.IsValid() {
			return local, nil
		}
		return local, s.bind(local)
	}
	b := binding{local: local}
	if !local.IsValid() {
		b.local = netip.AddrPortFrom(unspecified(remote), 0)
	}
	err := b.bind(s)
	b.release() // connections may share a port
	if err != nil && !local.IsValid() {
		return local, nil
	}
	return b.local, err
}

// skipPorts moves on to ports that others on a shared device, who count from
// the same number, are not likely to have.
func skipPorts() {
	ports.mu.Lock()
	ports.last += 1009
	ports.mu.Unlock()
}

// choose gives b a free port, the next one in turn. The first one depends on the
// time: what is left of an earlier run, here or at its peers, has other ports.
func (b *binding) choose() bool {
	if ports.last == 0 {
		ports.last = firstEphemeral + uint16(time.Now().UnixNano()>>16)%(1<<14)
	}
	for range 1<<16 - firstEphemeral {
		ports.last++
		if ports.last < firstEphemeral {
			ports.last = firstEphemeral
		}
		b.local = netip.AddrPortFrom(b.local.Addr(), ports.last)
		if !b.collides() {
			return true
		}
	}
	return false
}

// collides reports whether another binding has b's port on b's address.
func (b *binding) collides() bool {
	for o := ports.first; o != nil; o = o.next {
		if o.udp == b.udp && o.local.Port() == b.local.Port() &&
			(o.covers(b.local.Addr()) || b.covers(o.local.Addr())) {
			return true
		}
	}
	return false
}

// covers reports whether addr is one of b's addresses.
func (b *binding) covers(addr netip.Addr) bool {
	own := b.local.Addr()
	if own == addr || b.dual {
		return true
	}
	return own.IsUnspecified() && own.Is4() == addr.Is4()
}

// release takes b off the list if it is there.
func (b *binding) release() {
	ports.mu.Lock()
	if b.taken {
		b.taken = false
		if b.prev != nil {
			b.prev.next = b.next
		} else {
			ports.first = b.next
		}
		if b.next != nil {
			b.next.prev = b.prev
		}
	}
	ports.mu.Unlock()
}

// findListener returns the listener at that address, or nil.
func findListener(at netip.AddrPort) (l *loopListener) {
	ports.mu.Lock()
	for b := ports.first; b != nil && l == nil; b = b.next {
		if b.local.Port() == at.Port() && b.covers(at.Addr()) {
			l = b.listener
		}
	}
	ports.mu.Unlock()
	return l
}

// findInbox returns the datagram socket that takes what is sent from one
// address to another, or nil.
func findInbox(from, to netip.AddrPort) (inbox *udpSocket) {
	ports.mu.Lock()
	for b := ports.first; b != nil; b = b.next {
		if b.inbox != nil && b.local.Port() == to.Port() && b.covers(to.Addr()) {
			if !b.peer.IsValid() || b.peer == from {
				inbox = b.inbox
			}
			break
		}
	}
	ports.mu.Unlock()
	return inbox
}
