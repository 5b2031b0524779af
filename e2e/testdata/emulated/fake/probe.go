// Package probe stands in for tinynet/netlink/probe: its device allocates
// nothing, and the peer at its other end is in memory. To a program that listens it
// is a client that makes one request after the other, to one that connects a
// web server.
package probe

import (
	"io"
	"net"
	"net/netip"
	"time"

	"tinynet/netdev"
	"tinynet/netlink"

	"example.com/emulated/count"
)

// Set at link time.
var (
	request string // what a client sends: "http", or else a line to be echoed
	keep    string // not empty: all requests are made on one connection
)

// Constants, which take nothing of the heap.
const (
	httpRequest  = "GET / HTTP/1.1\r\nHost: board\r\nUser-Agent: fake\r\nAccept: */*\r\n\r\n"
	line         = "a line of sixty-four bytes, as many as a sensor's reading may be.\n"
	pageEnd      = "</html>\n"
	requestEnd   = "\r\n\r\n"
	httpResponse = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 512\r\n\r\n" + page

	page8 = "page\n...page\n...page\n...page\n...page\n...page\n...page\n...page\n..."
	page  = page8 + page8 + page8 + page8 + page8 + page8 + page8 + page8
)

var (
	peer = netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, 1}), 50000)
	own  = netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, 2}), 8080)
)

// Descriptors: there is one of each.
const (
	listener = 1
	conn     = 2
)

// device is the device, and all that there is of the peer.
type device struct {
	accepted bool          // the connection is one that Accept returned
	idle     chan struct{} // has a token when there is no connection
	wake     chan struct{} // something has happened that Recv may wait for
	out      string        // what the peer has sent, and the program not read
	seen     int           // bytes of a line that have come back
	ended    bool          // the peer has closed the connection
	closed   bool
	past     bool // the read deadline has passed
}

var dev = &device{idle: make(chan struct{}, 1), wake: make(chan struct{}, 1)}

// Probe returns the device.
func Probe() (netlink.Netlinker, netdev.Netdever) {
	netdev.UseNetdev(dev)
	if len(dev.idle) == 0 {
		dev.idle <- struct{}{}
	}
	return dev, dev
}

func (d *device) poke() {
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

func (d *device) open(accepted bool) {
	d.accepted, d.out, d.seen, d.ended, d.closed, d.past = accepted, "", 0, false, false, false
}

func (d *device) ask() {
	d.out = line
	if request == "http" {
		d.out = httpRequest
	}
}

func (*device) NetConnect(...*netlink.ConnectParams) error      { return nil }
func (*device) NetDisconnect()                                  {}
func (*device) NetNotify(func(netlink.Event))                   {}
func (*device) GetHardwareAddr() (net.HardwareAddr, error)      { return nil, netlink.ErrNotSupported }
func (*device) GetHostByName(string) (netip.Addr, error)        { return peer.Addr(), nil }
func (*device) Addr() (netip.Addr, error)                       { return own.Addr(), nil }
func (*device) Bind(int, netip.AddrPort) error                  { return nil }
func (*device) Listen(int, int) error                           { return nil }
func (*device) SetSockOpt(int, int, int, interface{}) error     { return nil }
func (*device) LocalAddr(int) (netip.AddrPort, error)           { return own, nil }
func (*device) SetWriteDeadline(int, time.Time) error           { return nil }
func (*device) Socket(domain, stype, protocol int) (int, error) { return listener, nil }

func (d *device) SetReadDeadline(_ int, t time.Time) error {
	d.past = !t.IsZero() && t.Before(time.Now())
	d.poke()
	return nil
}

// The descriptor of a socket that connects is the listener's till then: a
// program has one or the other.
func (d *device) Connect(int, string, netip.AddrPort) error {
	d.open(false)
	return nil
}

func (d *device) Accept(int) (int, netip.AddrPort, error) {
	count.Stack("accept")
	<-d.idle
	d.open(true)
	d.ask()
	return conn, peer, nil
}

func (d *device) Send(_ int, buf []byte, _ int, _ time.Time) (int, error) {
	complete := false
	switch {
	case !d.accepted:
		complete = hasSuffix(buf, requestEnd)
		if complete {
			d.out = httpResponse
		}
	case request == "http":
		complete = hasSuffix(buf, pageEnd)
	default:
		d.seen += len(buf)
		complete = d.seen == len(line)
	}
	if complete && d.accepted {
		if keep != "" {
			count.Stack("connection")
			count.Request()
			d.ask()
		} else {
			d.ended = true
		}
	}
	d.poke()
	return len(buf), nil
}

func hasSuffix(b []byte, end string) bool {
	return len(b) >= len(end) && string(b[len(b)-len(end):]) == end
}

func (d *device) Recv(_ int, buf []byte, _ int, _ time.Time) (int, error) {
	for {
		switch {
		case d.closed:
			return 0, net.ErrClosed
		case d.past:
			return 0, netdev.ErrTimeout
		case len(d.out) > 0:
			n := copy(buf, d.out)
			d.out = d.out[n:]
			return n, nil
		case d.ended:
			return 0, io.EOF
		}
		<-d.wake
	}
}

func (d *device) Close(fd int) error {
	d.closed = true
	d.poke()
	if fd != conn {
		return nil
	}
	if d.ended {
		count.Stack("connection")
		count.Request()
	}
	d.idle <- struct{}{}
	return nil
}
