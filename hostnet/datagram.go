//go:build (linux || darwin) && !tinygo

package hostnet

import (
	"net/netip"
	"os"
	"syscall"
	"time"
)

// A datagramCall is a system call on datagrams with its arguments and results.
// The poller calls try, a method made a function once, so that no call
// allocates.
type datagramCall struct {
	try    func(fd uintptr) (done bool)
	buf    []byte
	n      int
	result error
	to     syscall.Sockaddr // where to send, in the memory of addrs
	addrs  sockaddrs
	from   source // who has sent
}

func (c *datagramCall) receive(fd uintptr) (done bool) {
	for {
		c.n, c.result = c.from.recv(int(fd), c.buf)
		if c.result != syscall.EINTR {
			return c.result != syscall.EAGAIN
		}
	}
}

func (c *datagramCall) send(fd uintptr) (done bool) {
	for {
		c.result = syscall.Sendto(int(fd), c.buf, 0, c.to)
		if c.result != syscall.EINTR {
			return c.result != syscall.EAGAIN
		}
	}
}

// newReceiver returns a call that receives into buf, and newSender one that
// sends it. They are given back by keepReceiver and keepSender.
func (s *socket) newReceiver(buf []byte) *datagramCall {
	c := s.receiver.Swap(nil)
	if c == nil {
		c = new(datagramCall)
		c.try = c.receive
	}
	c.buf = buf
	return c
}

func (s *socket) keepReceiver(c *datagramCall) {
	c.buf = nil
	s.receiver.Store(c)
}

func (s *socket) newSender(buf []byte) *datagramCall {
	c := s.sender.Swap(nil)
	if c == nil {
		c = new(datagramCall)
		c.try = c.send
	}
	c.buf = buf
	return c
}

func (s *socket) keepSender(c *datagramCall) {
	c.buf = nil
	s.sender.Store(c)
}

// receive makes the call c. name is what its errors call it.
func (s *socket) receive(c *datagramCall, name string, deadline time.Time) error {
	if !deadline.IsZero() {
		s.read.enter(deadline)
		defer s.read.leave(deadline)
	}
	for {
		c.n = 0
		err := s.raw.Read(c.try)
		if err == nil {
			if c.result != nil {
				c.n = 0
			}
			raceAcquire()
			return os.NewSyscallError(name, c.result)
		}
		if !again(&s.read, deadline, err) {
			return s.failure(name, err)
		}
	}
}

// transmit makes the call c and returns how many bytes were sent.
func (s *socket) transmit(c *datagramCall, deadline time.Time) (int, error) {
	if !deadline.IsZero() {
		s.write.enter(deadline)
		defer s.write.leave(deadline)
	}
	raceRelease()
	for {
		err := s.raw.Write(c.try)
		if err == nil {
			if c.result != nil {
				return 0, os.NewSyscallError("sendto", c.result)
			}
			return len(c.buf), nil
		}
		if !again(&s.write, deadline, err) {
			return 0, s.failure("sendto", err)
		}
	}
}

// SendTo sends buf as one datagram to an address, which must be of the
// socket's family, or IPv4 if it has both. flags are 0.
func (d *Device) SendTo(sockfd int, buf []byte, flags int, to netip.AddrPort, deadline time.Time) (int, error) {
	s, err := d.table.get(sockfd)
	if err != nil {
		return 0, err
	}
	if flags != 0 {
		return 0, errFlags
	}
	c := s.newSender(buf)
	defer s.keepSender(c)
	if c.to, err = d.fill(&c.addrs, s.domain, to); err != nil {
		return 0, err
	}
	return s.transmit(c, deadline)
}

// RecvFrom receives one datagram, or the part of it that fits buf, and returns
// who has sent it. flags are 0.
func (d *Device) RecvFrom(sockfd int, buf []byte, flags int, deadline time.Time) (int, netip.AddrPort, error) {
	s, err := d.table.get(sockfd)
	if err != nil {
		return 0, netip.AddrPort{}, err
	}
	if flags != 0 {
		return 0, netip.AddrPort{}, errFlags
	}
	c := s.newReceiver(buf)
	defer s.keepReceiver(c)
	if err := s.receive(c, "recvfrom", deadline); err != nil {
		return 0, netip.AddrPort{}, err
	}
	return c.n, c.from.addrPort(d), nil
}
