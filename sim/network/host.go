package network

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"sync"
	"syscall"
	"time"

	"tinynet/sim/clock"
)

// HostConfig describes a network made of the host's sockets.
type HostConfig struct {
	Clock clock.Clock // for timeouts; nil: clock.Free()

	// RTT and Loss are a delay and losses between boards and anybody else, on
	// top of the host's own and real on every clock; Seed decides what is
	// lost. See VirtualConfig.
	RTT  time.Duration
	Loss float64
	Seed uint64

	// Isolated keeps boards to 10.0.0.0/24: other addresses are unreachable,
	// and only names in Hosts are known.
	Isolated bool

	// Hosts are names that the DNS knows, besides "host". A loopback address
	// stands for 10.0.0.1.
	Hosts map[string]netip.Addr

	// Forward says where ports of boards appear on the host. A TCP port that
	// a board listens on, and a UDP port up to 49151 that it binds, and that
	// is not in here appears on 127.0.0.1: at the same number if that is 1024
	// or more, at 8000 more below, or else at the next free one.
	Forward []Forward

	// Announce, if not nil, is called when a port of a board appears on the
	// host: once for each, within Listen or ListenPacket. A port that is
	// closed and opened again is at the same place and not announced again.
	Announce func(Announcement)
}

// Forward makes a port of a board appear at a chosen place.
type Forward struct {
	Proto     string     // "tcp" or "udp"; "": "tcp"
	HostIP    netip.Addr // IPv4; zero: 127.0.0.1
	HostPort  uint16     // 0: any free one
	Board     netip.Addr // zero: 10.0.0.2, the first board
	BoardPort uint16
}

// Announcement tells that a port of a board has appeared on the host.
type Announcement struct {
	Proto     string // "tcp" or "udp"
	Board     netip.Addr
	BoardPort uint16
	HostAddr  netip.AddrPort
}

// Host is a network made of the host's own sockets. Boards on it reach one
// another at 10.0.0.2 and on; 10.0.0.1 and the name "host" are the host's
// loopback, 127.0.0.1 and, for a TCP port that only answers there, ::1; the
// rest of 10.0.0.0/24 is silent. Addresses beyond are the operating system's.
// IPv4 only; no multicast or broadcast (errors.ErrUnsupported).
//
// What a connection's peer has sent is taken from the operating system only
// as the board's receive window has room, so that the peer feels it if the
// board does not read; each read from the operating system counts as one
// write of the peer (PSH). A reset by the peer is noticed as soon as there is
// such room. Peers on the host see a board's link go down as a reset: a host's
// sockets cannot fall silent.
type Host struct {
	Conditions
	f        *fabric
	isolated bool
	hosts    map[string]netip.Addr
	announce func(Announcement)

	ctx    context.Context // ends with the Host
	cancel context.CancelFunc
	work   sync.WaitGroup

	mu     sync.Mutex // guards what follows; never taken while f.mu is held
	closed bool
	boards map[netip.Addr]*node // by ident: the board's latest station
	ports  map[portKey]*port
	flows  map[*udpSocket]*udpFlow
	open   map[interface{ Close() error }]struct{} // operating system's sockets
}

// NewHost returns a network of the host's sockets. The ports in cfg.Forward
// are taken at once; until a board listens on what is behind such a port,
// connections to it are accepted and at once reset, and datagrams dropped. A
// port that is taken already is an error that wraps ErrInUse.
func NewHost(cfg HostConfig) (*Host, error) {
	hosts, err := checkHosts(cfg.Hosts)
	switch {
	case err != nil:
		return nil, err
	case !(cfg.Loss >= 0 && cfg.Loss < 1):
		return nil, fmt.Errorf("loss is %v, not in [0, 1)", cfg.Loss)
	case cfg.RTT < 0:
		return nil, fmt.Errorf("round trip of %v", cfg.RTT)
	}
	h := &Host{
		f:        newFabric(cfg.Clock, Subnet, HostAddr),
		boards:   make(map[netip.Addr]*node),
		isolated: cfg.Isolated,
		hosts:    hosts,
		announce: cfg.Announce,
		ports:    make(map[portKey]*port),
		flows:    make(map[*udpSocket]*udpFlow),
		open:     make(map[interface{ Close() error }]struct{}),
	}
	h.ctx, h.cancel = context.WithCancel(context.Background())
	h.f.delay, h.f.loss, h.f.seed = cfg.RTT/2, cfg.Loss, cfg.Seed
	h.f.real = true
	h.own(h.f)
	for _, fw := range cfg.Forward {
		if err := h.forward(fw); err != nil {
			h.Close()
			return nil, err
		}
	}
	return h, nil
}

// Station attaches a board at the lowest free address from 10.0.0.2 on: a
// board that closes its station and asks for another gets the same address,
// and its ports appear where they did. It panics if all 253 are taken.
func (h *Host) Station(p Params) Station {
	s := newStation(h.f, p, h.lookup)
	h.known(s.n)
	return s
}

// own makes the host part of a fabric.
func (h *Host) own(f *fabric) {
	f.lock()
	f.beyond = h
	f.host = f.attach(f.gate, hostParams, true)
	delete(f.nodes, f.gate)
	f.unlock()
	h.Conditions.add(f)
}

// known makes a station the one whose ports are those of its board.
func (h *Host) known(n *node) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.boards[n.ident] = n
}

// board returns the latest station of a board; nil if there has been none.
func (h *Host) board(ident netip.Addr) *node {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.boards[ident]
}

// Close ends the network: connections are reset, stations are down, the host's
// sockets closed. It returns when no goroutine is left.
func (h *Host) Close() error {
	h.mu.Lock()
	h.closed = true
	h.mu.Unlock()
	h.cancel()
	for _, f := range h.all() {
		f.lock()
		for _, n := range f.nodes {
			if n.up {
				n.cut()
			}
			n.closed = true
		}
		f.unlock()
	}
	h.mu.Lock()
	for c := range h.open {
		c.Close()
	}
	h.mu.Unlock()
	h.work.Wait()
	return nil
}

// adopt keeps a socket of the operating system until it is closed by Close or
// disown. It reports false if the Host is closed.
func (h *Host) adopt(c interface{ Close() error }) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return false
	}
	h.open[c] = struct{}{}
	return true
}

func (h *Host) disown(c interface{ Close() error }) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.open, c)
	c.Close()
}

func (h *Host) lookup(ctx context.Context, name string) (netip.Addr, error) {
	addr, known, err := lookupKnown(h.hosts, name)
	if late := h.f.roundTrip(ctx); late != nil {
		return netip.Addr{}, late
	}
	if known {
		return addr, err
	}
	if h.isolated {
		return netip.Addr{}, fmt.Errorf("the network is isolated: %w", ErrUnknownHost)
	}
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip4", canonical(name))
	if err != nil {
		return netip.Addr{}, fmt.Errorf("%w: %w", ErrUnknownHost, err)
	}
	for _, addr := range addrs {
		if addr = addr.Unmap(); addr.IsLoopback() {
			return HostAddr, nil
		} else if addr.Is4() {
			return addr, nil
		}
	}
	return netip.Addr{}, ErrUnknownHost
}

// connect opens a connection to the host's loopback or beyond.
func (h *Host) connect(ctx context.Context, n *node, remote netip.AddrPort) (*end, error) {
	targets := []netip.AddrPort{remote}
	if remote.Addr() == n.f.gate {
		targets = []netip.AddrPort{
			netip.AddrPortFrom(loopback4, remote.Port()),
			netip.AddrPortFrom(netip.IPv6Loopback(), remote.Port()),
		}
	} else if h.isolated || n.f.alone {
		return nil, fmt.Errorf("the network is isolated: %w", ErrUnreachable)
	}

	n.f.lock()
	down := n.down
	port, err := n.freePort(n.tcpPortUsed)
	n.f.unlock()
	if err != nil {
		return nil, err
	}
	inner, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	timeout := n.f.clk.AfterFunc(time.Duration(n.p.SynTimeout)*time.Millisecond, func() { cancel(ErrUnreachable) })
	defer timeout.Stop()
	defer afterClose(down, func() { cancel(ErrDown) })()

	var c net.Conn
	if n.f.roundTrip(inner) != nil {
		return nil, context.Cause(inner)
	}
	for _, target := range targets {
		var d net.Dialer
		c, err = d.DialContext(inner, "tcp", target.String())
		if err == nil || !refused(err) {
			break
		}
	}
	switch {
	case err == nil:
	case inner.Err() != nil:
		return nil, context.Cause(inner)
	case refused(err):
		return nil, ErrRefused
	default:
		return nil, fmt.Errorf("%w: %w", ErrUnreachable, err)
	}

	n.f.lock()
	select {
	case <-down:
		err = ErrDown
	default:
	}
	if err != nil {
		n.f.unlock()
		c.Close()
		return nil, err
	}
	board := newEnd(n, netip.AddrPortFrom(n.addr, port), remote)
	start := h.bridge(board, c.(*net.TCPConn))
	n.f.unlock()
	start()
	return board, nil
}

var loopback4 = netip.AddrFrom4([4]byte{127, 0, 0, 1})

// isErrno reports whether err is one of the operating system's, whose number
// on Windows is another.
func isErrno(err error, unix syscall.Errno, windows uintptr) bool {
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		return false
	}
	return errno == unix || runtime.GOOS == "windows" && uintptr(errno) == windows
}

func refused(err error) bool { return isErrno(err, syscall.ECONNREFUSED, 10061) }
func inUse(err error) bool   { return isErrno(err, syscall.EADDRINUSE, 10048) }
