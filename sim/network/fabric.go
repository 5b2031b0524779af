package network

import (
	"context"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"net/netip"
	"os"
	"sync"
	"time"

	"tinynet/sim/clock"
)

// lossDelay is what a lost segment costs on top of a round trip: the sender
// has to notice. It stands for Linux's and lwIP's shortest retransmission
// timeout; fast retransmission is not modelled.
const lossDelay = 200 * time.Millisecond

// fabric is a network in memory: nodes, and what is on its way between them.
//
// One mutex guards it all. What arrives without delay is handled before the
// mutex is let go, what calls out of the fabric after that.
type fabric struct {
	clk    clock.Clock
	subnet netip.Prefix
	gate   netip.Addr // whom boards know as gateway and name server; on a Host, the machine that it runs on
	silent bool       // a node that is down says nothing; else its connections end in a reset
	seed   uint64
	beyond beyond // what is not in memory; nil for nothing
	alone  bool   // there is no way beyond gate
	real   bool   // delays take their time on every clock
	host   *node  // on a Host: the machine, whose ports are the loopback's; nil elsewhere

	mu sync.Mutex
	weather
	nodes  map[netip.Addr]*node
	ghosts map[netip.Addr][]*end // ends that died in silence while their peers have not noticed
	lines  [1 << 12]uint32       // how many lines there have been, by a part of their name's hash
	ready  []func()              // arrivals that take no time
	calls  []func()              // to be made without mu
}

// beyond is the part of a network that is not in its fabric. It is called
// without the fabric's mutex.
type beyond interface {
	connect(ctx context.Context, n *node, remote netip.AddrPort) (*end, error)
	// publish makes a port that has just opened reachable.
	publish(n *node, proto string, port uint16) error
	// route returns where on the host a datagram of a board goes, if it may.
	route(n *node, to netip.AddrPort) (netip.AddrPort, error)
	// sendTo sends to what route has returned.
	sendTo(s *udpSocket, p []byte, to netip.AddrPort) error
}

func newFabric(clk clock.Clock, subnet netip.Prefix, gate netip.Addr) *fabric {
	if clk == nil {
		clk = clock.Free()
	}
	return &fabric{
		clk:    clk,
		subnet: subnet.Masked(),
		gate:   gate,
		nodes:  make(map[netip.Addr]*node),
		ghosts: make(map[netip.Addr][]*end),
	}
}

// later calls do when a delay has passed: one that was asked for on a Host is
// real, as all else is there.
func (f *fabric) later(d time.Duration, do func()) clock.Timer {
	if f.real {
		return f.clk.AfterFunc(d, do)
	}
	return f.clk.Later(d, do)
}

func (f *fabric) lock() { f.mu.Lock() }

func (f *fabric) unlock() {
	for i := 0; i < len(f.ready); i++ {
		arrive := f.ready[i]
		f.ready[i] = nil
		arrive()
	}
	f.ready = f.ready[:0]
	calls := f.calls
	f.calls = nil
	f.mu.Unlock()
	for _, call := range calls {
		call()
	}
}

// up reports whether a frame to addr reaches somebody.
func (f *fabric) up(addr netip.Addr) bool {
	n := f.nodes[addr]
	return n != nil && n.up
}

// line carries what one side sends to another, in the order in which it was
// sent.
type line struct {
	f      *fabric
	rng    *rand.Rand // nil on a line that loses nothing
	queue  []func()
	newest time.Time // when the last of the queue arrives
}

// newLine makes a line that loses what the fabric's seed and the name decide;
// without a name it loses nothing.
func (f *fabric) newLine(name string) line {
	l := line{f: f}
	if name == "" {
		return l
	}
	// Each line of a name loses other things. It is enough to count those of a
	// part of all names, and that part does not grow.
	h := fnv.New64a()
	io.WriteString(h, name)
	count := &f.lines[h.Sum64()%uint64(len(f.lines))]
	*count++
	l.rng = rand.New(rand.NewPCG(f.seed, h.Sum64()+uint64(*count)))
	return l
}

// lost decides whether what is sent next is lost.
func (l *line) lost() bool {
	return l.rng != nil && l.f.loss > 0 && l.rng.Float64() < l.f.loss
}

// send calls arrive, with the fabric locked, when what is sent has arrived.
func (l *line) send(arrive func()) { l.sendAfter(0, arrive) }

// sendReliably is send with retransmissions: each loss is a delay, for all
// that is sent behind it too.
func (l *line) sendReliably(arrive func()) {
	var extra time.Duration
	for l.lost() {
		extra += 2*l.f.delay + lossDelay
	}
	l.sendAfter(extra, arrive)
}

func (l *line) sendAfter(extra time.Duration, arrive func()) {
	delay := l.f.delay + extra
	if delay == 0 && len(l.queue) == 0 {
		l.f.ready = append(l.f.ready, arrive)
		return
	}
	now := l.f.clk.Now()
	at := now.Add(delay)
	if len(l.queue) > 0 && at.Before(l.newest) {
		at = l.newest
	}
	l.newest = at
	l.queue = append(l.queue, arrive)
	// One timer for each, but each takes the oldest: timers that go off
	// together may do so in any order.
	l.f.later(at.Sub(now), func() {
		l.f.lock()
		defer l.f.unlock()
		oldest := l.queue[0]
		l.queue[0] = nil
		l.queue = l.queue[1:]
		oldest()
	})
}

// signal is something that several goroutines may wait for.
type signal struct{ c chan struct{} }

// wait returns a channel that is closed by the next wake.
func (s *signal) wait() <-chan struct{} {
	if s.c == nil {
		s.c = make(chan struct{})
	}
	return s.c
}

func (s *signal) wake() {
	if s.c != nil {
		close(s.c)
		s.c = nil
	}
}

// await calls try with the fabric locked until it returns true, again after
// each wake of the signal, but not past the deadline, which is read anew each
// time: os.ErrDeadlineExceeded.
func (f *fabric) await(s *signal, deadline *time.Time, try func() bool) error {
	for {
		f.lock()
		var left time.Duration
		if !deadline.IsZero() {
			if left = time.Until(*deadline); left <= 0 {
				f.unlock()
				return os.ErrDeadlineExceeded
			}
		}
		if try() {
			f.unlock()
			return nil
		}
		changed := s.wait()
		f.unlock()
		if left == 0 {
			<-changed
			continue
		}
		t := time.NewTimer(left)
		select {
		case <-changed:
		case <-t.C:
		}
		t.Stop()
	}
}

// node is somebody on a fabric: a board or a machine.
type node struct {
	f    *fabric
	addr netip.Addr
	p    Params
	host bool // a machine with a stack like Linux's, not a chip

	up     bool
	closed bool
	down   chan struct{} // closed when the link goes down
	ident  netip.Addr    // whose ports these are on the host: its address on the first network

	listeners map[uint16]*tcpListener
	udp       map[uint16]*udpSocket
	conns     map[*end]struct{}
	sockets   int
	ephemeral uint16 // the last one given out

	onFrame, onLink notifier
}

// attach adds a node; what still is in flight to an older one with that
// address is answered with a reset by the new one.
func (f *fabric) attach(addr netip.Addr, p Params, host bool) *node {
	n := &node{
		f: f, addr: addr, ident: addr, p: p.withDefaults(), host: host,
		up: true, down: make(chan struct{}),
		listeners: make(map[uint16]*tcpListener),
		udp:       make(map[uint16]*udpSocket),
		conns:     make(map[*end]struct{}),
		ephemeral: 65535,
	}
	f.nodes[addr] = n
	f.haunt(addr)
	return n
}

// haunt makes the peers of connections that died in silence find out, if they
// have sent something since: they retransmit it.
func (f *fabric) haunt(addr netip.Addr) {
	for _, e := range f.ghosts[addr] {
		if e.peer.unacked > 0 {
			e.data.sendAfter(lossDelay, e.peer.receiveReset)
		}
	}
	delete(f.ghosts, addr)
}

// cut ends all connections of a node whose link went down.
func (n *node) cut() {
	n.up = false
	close(n.down)
	for e := range n.conns {
		e.cut()
	}
}

// take counts a socket in.
func (n *node) take() error {
	if n.p.Sockets > 0 && n.sockets >= n.p.Sockets {
		return ErrNoSockets
	}
	n.sockets++
	return nil
}

func (n *node) release() { n.sockets-- }

// freePort returns an unused ephemeral port, the same ones in every run.
func (n *node) freePort(used func(port uint16) bool) (uint16, error) {
	const first = 49152
	for range 65536 - first {
		if n.ephemeral++; n.ephemeral < first {
			n.ephemeral = first
		}
		if !used(n.ephemeral) {
			return n.ephemeral, nil
		}
	}
	return 0, fmt.Errorf("no free port: %w", ErrInUse)
}

func (n *node) tcpPortUsed(port uint16) bool {
	if n.listeners[port] != nil {
		return true
	}
	for e := range n.conns {
		if e.local.Port() == port {
			return true
		}
	}
	return false
}

func (n *node) udpPortUsed(port uint16) bool { return n.udp[port] != nil }

// frame tells the node that a frame has come in.
func (n *node) frame() { n.onFrame.notify(n.f) }

// notifier calls a function in a goroutine of its own, so that it may take a
// lock that is held around a call to this package. It never does so twice at a
// time. It is used with the fabric locked.
type notifier struct {
	call    func()
	calling bool
	again   bool // and once more
}

func (n *notifier) notify(f *fabric) {
	if n.call == nil {
		return
	}
	n.again = true
	if n.calling {
		return
	}
	n.calling = true
	go func() {
		for {
			f.lock()
			call := n.call
			if !n.again || call == nil {
				n.calling = false
				f.unlock()
				return
			}
			n.again = false
			f.unlock()
			call()
		}
	}()
}
