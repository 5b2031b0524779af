package netdevtest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"tinynet/netdev"
	"tinynet/sim/fault"
)

// Faulty is a board whose wire can be disturbed.
type Faulty struct {
	*Setup
	// Play starts a plan of faults and Stop ends it; Log returns what happened
	// since Play.
	Play func(fault.Plan)
	Stop func()
	Log  func() []fault.Event
	// Left says what the chip has open, and is empty if that is nothing.
	Left func() string
	// DropLink takes the access point away and RestoreLink brings it back.
	DropLink, RestoreLink func()
	// Leave leaves the network and Join joins it again, at once.
	Leave func()
	Join  func() error
	// Disrupted reports whether the chip was reset or lost its link since
	// Play.
	Disrupted func() bool
	// Patience is how long a call without a deadline may take, 0 for half a minute, and
	// how much longer than usual the chip may be out of order.
	Patience time.Duration
	// Quiet reports whether nothing went wrong since Play; nil for an empty Log.
	Quiet func() bool
	// Harm says what the faults since Play may have done that nobody can notice.
	Harm func() Harm
	// Listeners is how many the chip has at a time, 0 for as many as sockets.
	Listeners int
	// Overrun returns how many bytes since Play found a full buffer and were lost;
	// nil where that cannot be.
	Overrun func() int
}

// Harm is what a protocol without check sums cannot prevent.
type Harm struct {
	// Streams is how many connections and datagrams may differ or fail at most.
	Streams int
	// All: any connection may fail as well.
	All bool
	// Noticed: connections that differ fail, too.
	Noticed bool
	// Text: datagrams and addresses that were looked up may differ, and news be missed.
	Text bool
}

// Script is what happens in a run of Conserve. It says so in a line.
type Script struct {
	Seed uint64
	Plan fault.Plan
	// Link: once in the run the link is lost, for some seconds. Rejoin: once the
	// application leaves the network and joins it again.
	Link, Rejoin bool
	// Ops is how many operations there are in all, 0 for 80.
	Ops int
}

// Outcome is what became of a run.
type Outcome struct {
	// Broken lists the promises that were not kept.
	Broken []Breach
	// Log has a line for each operation, and Hash is its digest.
	Log  []string
	Hash uint64
	// Faults are those that happened.
	Faults []fault.Event
	// Bytes that arrived, both directions together, and Failed connections.
	Bytes, Failed int
	// Overrun is how many bytes found a full buffer on the wire.
	Overrun int
}

// Promise is one of those that Conserve checks.
type Promise string

// The promises.
const (
	Exact     Promise = "exact"     // nothing is lost, added or changed unnoticed
	InTime    Promise = "in time"   // calls return by their deadlines
	Untouched Promise = "untouched" // what no fault touched goes on
	Recovers  Promise = "recovers"  // after the last fault everything works
	NoLeak    Promise = "no leak"   // closed sockets are free, on the device and on the chip
)

// Breach is a promise that was not kept, and how.
type Breach struct {
	Promise Promise
	Text    string
}

// String returns both.
func (b Breach) String() string { return string(b.Promise) + ": " + b.Text }

// Limits of the run, of simulated time.
const (
	lateness    = time.Second      // a call's deadline may be missed by
	patience    = 30 * time.Second // a call without a deadline takes at most
	settling    = 40 * time.Second // until data that is on its way has arrived
	recovering  = 90 * time.Second // until the device works again after the last fault
	hopeless    = 5 * time.Minute  // a call that takes longer never returns
	echoPort    = 8000
	listenPort  = 9000
	streamPort  = 10000
	workers     = 8
	maxSockets  = 10
	defaultOps  = 80
	upToPayload = 24 << 10
)

// Conserve works the sockets of a board with up to eight goroutines while its
// wire is disturbed, and checks that nothing is lost unnoticed:
//
//   - What the peer has received is the beginning of what was handed over, and
//     what the device has received the beginning of what the peer sent. If
//     something that was acknowledged is missing, the next operation on that
//     socket fails. An end of stream is reported only where it is.
//   - Every call returns by its deadline and a second more, or within patience
//     if it has none.
//   - After the last fault the device works again, has all its sockets, and the
//     chip has none left when they are closed.
//
// Where a fault may do harm that nobody can notice, only so many connections may
// differ or fail as Harm says. Without faults, loss of link and rejoining nothing may
// fail.
//
// It has to run in a synctest bubble, and closes the board.
func Conserve(b *Faulty, s Script) *Outcome {
	r := &run{
		b: b, s: s, start: time.Now(),
		tokens: make(chan struct{}, min(maxSockets, b.Sockets)),
		doors:  make(chan struct{}, cmp.Or(b.Listeners, workers)),
		out:    &Outcome{},
		rng:    rand.New(rand.NewPCG(s.Seed, 0x0c0175e4)),
		ctx:    context.Background(),
	}
	ctx, cancel := context.WithCancel(context.Background())
	r.ctx = ctx
	r.dg, _ = b.Dev.(netdev.Datagrammer)
	r.dl, _ = b.Dev.(netdev.Deadliner)
	r.echo()
	b.Play(s.Plan)
	ops := s.Ops
	if ops == 0 {
		ops = defaultOps
	}
	n := 1 + r.rng.IntN(workers)
	var busy sync.WaitGroup
	for i := range n {
		rng := rand.New(rand.NewPCG(s.Seed, uint64(i)+1))
		busy.Go(func() { r.work(i, rng, ops/n) })
	}
	if s.Link {
		at, d := time.Duration(r.rng.IntN(3000))*time.Millisecond, time.Duration(1+r.rng.IntN(4000))*time.Millisecond
		busy.Go(func() {
			time.Sleep(at)
			r.note(-1, "link lost for %v", d)
			b.DropLink()
			time.Sleep(d)
			b.RestoreLink()
		})
	}
	if s.Rejoin {
		at, d := time.Duration(r.rng.IntN(3000))*time.Millisecond, time.Duration(r.rng.IntN(2000))*time.Millisecond
		busy.Go(func() {
			time.Sleep(at)
			r.timed(-1, "leaving", time.Time{}, func() error { b.Leave(); return nil })
			time.Sleep(d)
			for try := range 21 {
				err := b.Join()
				r.note(-1, "joining: %v", err)
				if err == nil {
					return
				}
				if try == 10 {
					b.Stop() // so many exchanges hardly ever go well one after the other
				}
				if try == 20 || len(b.Log()) == 0 && (b.Quiet == nil || b.Quiet()) {
					r.broken(Recovers, "joining again failed: %v", err)
					return
				}
				time.Sleep(time.Second)
			}
		})
	}
	busy.Wait()
	b.Stop()
	r.settled = true
	for _, c := range r.streams {
		busy.Go(func() { r.settle(c) })
	}
	busy.Wait()
	r.recover()
	r.verdict()
	cancel()
	for _, c := range r.closers {
		c.Close()
	}
	r.peers.Wait()
	r.timed(-1, "closing the board", time.Time{}, func() error { b.Close(); return nil })
	h := fnv.New64a()
	for _, line := range r.out.Log {
		io.WriteString(h, line)
	}
	r.out.Hash = h.Sum64()
	r.out.Faults = b.Log()
	if b.Overrun != nil {
		r.out.Overrun = b.Overrun()
	}
	return r.out
}

// run is a run of Conserve.
type run struct {
	b     *Faulty
	s     Script
	start time.Time
	rng   *rand.Rand
	ctx   context.Context
	dg    netdev.Datagrammer
	dl    netdev.Deadliner

	tokens chan struct{} // one for each socket
	doors  chan struct{} // one for each listener
	peers  sync.WaitGroup

	mu      sync.Mutex // held for moments
	out     *Outcome
	streams []*stream
	byPeer  map[netip.AddrPort]*stream
	closers []io.Closer
	strange int  // datagram sockets and accepted connections that were not as they should be
	settled bool // the peers read as fast as they can
}

// stream is a connection, both ends of it. Bytes are known by their place in it.
type stream struct {
	id   int
	fd   int
	send chan struct{} // token of who sends
	recv chan struct{} // of who receives

	// The peer writes down bytes and then, if hangUp is set, closes. It does so only
	// where the device sends nothing. If abort is set it closes whatever is under
	// way.
	down   int
	hangUp bool
	abort  bool
	pace   int // of the peer's reading, 0 for fast

	// Guarded by run.mu.
	acked, handed int // bytes that Send took, and those that may have gone out
	doubt         int // of the latter, up to where Sends failed
	got           int // bytes that Recv gave
	received      int // by the peer
	wrote         int // by the peer
	peerDone      bool
	peerGone      bool // its end is closed or was reset
	eof           bool
	failed        error // what the last operation of the device's end said, but for timeouts
	hurt          bool  // one of them has failed
	unnoticed     bool  // what it should have noticed it did not
	closed        bool
	wrong         []string
}

func (r *run) broken(p Promise, format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.brokenLocked(p, format, args...)
}

func (r *run) brokenLocked(p Promise, format string, args ...any) {
	r.out.Broken = append(r.out.Broken, Breach{p, fmt.Sprintf("%v: ", time.Since(r.start)) + fmt.Sprintf(format, args...)})
}

func (r *run) note(worker int, format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.out.Log = append(r.out.Log, fmt.Sprintf("%12v %2d ", time.Since(r.start), worker)+fmt.Sprintf(format, args...))
}

// byteAt is the byte at a place of a stream, in one of its directions.
func byteAt(id int, up bool, at int) byte {
	x := uint32(at)*2654435761 + uint32(id)*40503
	if up {
		x ^= 0x5bd1e995
	}
	x ^= x >> 15
	return byte(x*0x85ebca6b>>24) ^ byte(x)
}

func stuff(id int, up bool, at, n int) []byte {
	p := make([]byte, n)
	for i := range p {
		p[i] = byteAt(id, up, at+i)
	}
	return p
}

// differs returns the first place in p that is not as it should be, or -1.
func differs(p []byte, id int, up bool, at int) int {
	for i, b := range p {
		if b != byteAt(id, up, at+i) {
			return i
		}
	}
	return -1
}

// timed makes a call and sees to it that it returns in time. The error is that of
// the call.
func (r *run) timed(worker int, what string, deadline time.Time, call func() error) error {
	begun := time.Now()
	hung := time.AfterFunc(hopeless, func() {
		panic(fmt.Sprintf("%s hangs: seed %d, faults %s", what, r.s.Seed, fault.ListOf(r.b.Log())))
	})
	err := call()
	hung.Stop()
	took := time.Since(begun)
	limit := cmp.Or(r.b.Patience, patience)
	if !deadline.IsZero() {
		limit = max(0, deadline.Sub(begun)) + lateness
	}
	r.note(worker, "%s: %v, took %v", what, err, took)
	if took > limit {
		r.broken(InTime, "%s returned after %v, at most %v is allowed", what, took, limit)
	}
	return err
}

// work is a goroutine of the application.
func (r *run) work(me int, rng *rand.Rand, ops int) {
	for range ops {
		time.Sleep(time.Duration(rng.IntN(20_000_000)))
		r.awaitLink()
		c := r.some(rng)
		dice := rng.IntN(100)
		if c == nil && dice < 70 {
			dice = rng.IntN(18)
		}
		switch {
		case dice < 12:
			r.dial(me, rng)
		case dice < 18:
			r.accept(me, rng)
		case dice < 50:
			r.sendOn(me, c, rng)
		case dice < 84:
			r.recvOn(me, c, rng)
		case dice < 87:
			r.hurry(me, c, rng)
		case dice < 92:
			if c != nil {
				r.close(me, c)
			}
		case dice < 97:
			r.datagrams(me, rng)
		default:
			r.lookup(me)
		}
	}
}

// awaitLink waits, not for ever, for a link that is down, so that there are
// operations left for after that.
func (r *run) awaitLink() {
	for range 20 {
		if _, err := r.b.Dev.Addr(); err == nil {
			return
		}
		time.Sleep(500 * time.Millisecond)
	}
}

// some returns an open connection, or nil.
func (r *run) some(rng *rand.Rand) *stream {
	r.mu.Lock()
	defer r.mu.Unlock()
	var open []*stream
	for _, c := range r.streams {
		if !c.closed {
			open = append(open, c)
		}
	}
	if len(open) == 0 {
		return nil
	}
	return open[rng.IntN(len(open))]
}

// take takes tokens for n sockets, if there are as many.
func (r *run) take(n int) bool {
	for i := range n {
		select {
		case r.tokens <- struct{}{}:
		default:
			for range i {
				<-r.tokens
			}
			return false
		}
	}
	return true
}

func (r *run) give() { <-r.tokens }

// newStream makes a connection's record. It is not listed yet.
func (r *run) newStream(rng *rand.Rand) *stream {
	c := &stream{send: make(chan struct{}, 1), recv: make(chan struct{}, 1), fd: -1}
	c.down = rng.IntN(1 << rng.IntN(14))
	c.hangUp = rng.IntN(3) == 0
	if !c.hangUp {
		c.pace = rng.IntN(2) * rng.IntN(30)
		c.abort = rng.IntN(6) == 0
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.byPeer == nil {
		r.byPeer = make(map[netip.AddrPort]*stream)
	}
	r.out.Failed++ // counted for ids; set right by verdict
	c.id = r.out.Failed
	return c
}

// open lists a connection.
func (r *run) open(c *stream, fd int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c.fd = fd
	r.streams = append(r.streams, c)
}

// dial opens a connection to a port of the peer that is there for it alone.
func (r *run) dial(me int, rng *rand.Rand) {
	c := r.newStream(rng)
	if !r.take(1) {
		return
	}
	port := uint16(streamPort + c.id)
	l, err := r.b.Peer.Listen(port)
	if err != nil {
		panic(err)
	}
	accepted := make(chan struct{})
	r.peers.Go(func() {
		defer close(accepted)
		pc, err := l.Accept()
		if err == nil {
			r.peerEnd(c, pc)
		}
	})
	fd := -1
	err = r.timed(me, fmt.Sprintf("%d socket", c.id), time.Time{}, func() (err error) {
		fd, err = r.b.Dev.Socket(netdev.AF_INET, netdev.SOCK_STREAM, netdev.IPPROTO_TCP)
		return err
	})
	if err == nil {
		deadline := time.Now().Add(time.Duration(500+rng.IntN(5000)) * time.Millisecond)
		err = r.timed(me, fmt.Sprintf("%d connect", c.id), deadline, func() error {
			if r.dl != nil {
				if err := r.dl.SetWriteDeadline(fd, deadline); err != nil {
					return err
				}
			}
			return r.b.Dev.Connect(fd, "", netip.AddrPortFrom(r.b.Peer.Addr(), port))
		})
		if err == nil && r.dl != nil {
			r.dl.SetWriteDeadline(fd, time.Time{})
		}
	}
	if err != nil {
		if fd >= 0 {
			r.timed(me, fmt.Sprintf("%d close", c.id), time.Time{}, func() error { return r.b.Dev.Close(fd) })
		}
		r.give()
		r.unhurt(err, "connecting")
		l.Close()
		return
	}
	r.open(c, fd)
	r.peers.Go(func() {
		select {
		case <-accepted:
		case <-r.ctx.Done():
		}
		l.Close()
	})
}

// accept opens a listener, lets the peer connect to it, and closes it.
func (r *run) accept(me int, rng *rand.Rand) {
	if !r.take(2) {
		return
	}
	defer r.give()
	c := r.newStream(rng)
	select {
	case r.doors <- struct{}{}:
		defer func() { <-r.doors }()
	default:
		r.give()
		return
	}
	port := uint16(listenPort + me)
	lfd := -1
	err := r.timed(me, fmt.Sprintf("%d socket", c.id), time.Time{}, func() (err error) {
		lfd, err = r.b.Dev.Socket(netdev.AF_INET, netdev.SOCK_STREAM, netdev.IPPROTO_TCP)
		return err
	})
	if err == nil {
		err = r.timed(me, fmt.Sprintf("%d bind", c.id), time.Time{}, func() error {
			return r.b.Dev.Bind(lfd, netip.AddrPortFrom(netip.IPv4Unspecified(), port))
		})
	}
	if err == nil {
		err = r.timed(me, fmt.Sprintf("%d listen", c.id), time.Time{}, func() error { return r.b.Dev.Listen(lfd, 2) })
	}
	taken := false
	if err == nil {
		ip, e := r.b.Dev.Addr()
		ctx, cancel := context.WithTimeout(r.ctx, 10*time.Second)
		dialled := make(chan net.Conn, 1)
		r.peers.Go(func() {
			if e != nil {
				dialled <- nil
				return
			}
			pc, err := r.b.Peer.Dial(ctx, netip.AddrPortFrom(ip, port))
			if err != nil {
				dialled <- nil
				return
			}
			r.mu.Lock()
			r.byPeer[pc.LocalAddr().(*net.TCPAddr).AddrPort()] = c
			r.mu.Unlock()
			dialled <- pc
		})
		deadline := time.Now().Add(time.Duration(200+rng.IntN(3000)) * time.Millisecond)
		fd, from := -1, netip.AddrPort{}
		err = r.timed(me, fmt.Sprintf("%d accept", c.id), deadline, func() (err error) {
			if r.dl != nil {
				if err := r.dl.SetReadDeadline(lfd, deadline); err != nil {
					return err
				}
			}
			fd, from, err = r.b.Dev.Accept(lfd)
			return err
		})
		cancel()
		pc := <-dialled
		r.mu.Lock()
		known := r.byPeer[from] == c
		r.mu.Unlock()
		switch {
		case err == nil && pc != nil && known:
			taken = true
			r.open(c, fd)
			r.peerEnd(c, pc)
		case err == nil:
			r.note(me, "%d accepted a connection from %v that is not known", c.id, from)
			r.mu.Lock()
			r.strange++
			r.mu.Unlock()
			r.timed(me, fmt.Sprintf("%d close", c.id), time.Time{}, func() error { return r.b.Dev.Close(fd) })
			fallthrough
		default:
			if pc != nil {
				pc.Close()
			}
		}
	}
	if !taken {
		r.give()
		r.unhurt(err, "accepting")
	}
	if lfd >= 0 {
		r.timed(me, fmt.Sprintf("%d close listener", c.id), time.Time{}, func() error { return r.b.Dev.Close(lfd) })
	}
}

// unhurt notes a failure to open a socket, which needs a reason.
func (r *run) unhurt(err error, what string) {
	if err == nil || errors.Is(err, netdev.ErrTimeout) {
		return
	}
	if errors.Is(err, netdev.ErrNoMoreSockets) && !r.quiet() {
		return // some have leaked, which is found out at the end
	}
	if r.quiet() {
		r.broken(Untouched, "%s failed without a fault: %v", what, err)
	}
	r.mu.Lock()
	r.strange++
	r.mu.Unlock()
}

// quiet reports whether nothing has happened that might make calls fail.
func (r *run) quiet() bool {
	if r.b.Quiet != nil && !r.b.Quiet() {
		return false
	}
	return !r.s.Link && !r.s.Rejoin && len(r.b.Log()) == 0
}

// peerEnd works the peer's end of a connection.
func (r *run) peerEnd(c *stream, pc net.Conn) {
	r.mu.Lock()
	r.closers = append(r.closers, pc)
	r.mu.Unlock()
	rng := rand.New(rand.NewPCG(r.s.Seed, uint64(c.id)<<8))
	r.peers.Go(func() {
		buf := make([]byte, 2000)
		for {
			n, err := pc.Read(buf)
			r.mu.Lock()
			if i := differs(buf[:n], c.id, true, c.received); i >= 0 {
				c.wrong = append(c.wrong, fmt.Sprintf("the peer received something else at byte %d", c.received+i))
			}
			c.received += n
			if err != nil {
				c.peerGone = true
			}
			fast := r.settled || c.pace == 0
			r.mu.Unlock()
			if err != nil {
				return
			}
			if !fast {
				time.Sleep(time.Duration(c.pace) * time.Millisecond)
			}
		}
	})
	r.peers.Go(func() {
		for at := 0; at < c.down; {
			n := min(1+rng.IntN(4000), c.down-at)
			if rng.IntN(4) == 0 {
				time.Sleep(time.Duration(rng.IntN(30_000_000)))
			}
			m, err := pc.Write(stuff(c.id, false, at, n))
			at += m
			r.mu.Lock()
			c.wrote = at
			r.mu.Unlock()
			if err != nil {
				break
			}
		}
		if c.abort {
			time.Sleep(time.Duration(rng.IntN(300_000_000)))
			r.mu.Lock()
			c.peerGone = true
			r.mu.Unlock()
		}
		if c.hangUp || c.abort {
			pc.Close()
		}
		r.mu.Lock()
		c.peerDone = true
		r.mu.Unlock()
	})
}

// sendOn sends something, or tries to.
func (r *run) sendOn(me int, c *stream, rng *rand.Rand) {
	n := 1 + rng.IntN(1<<rng.IntN(14))
	within := time.Duration(1+rng.IntN(1<<rng.IntN(12))) * time.Millisecond
	if c == nil || c.hangUp {
		return
	}
	select {
	case c.send <- struct{}{}:
	default:
		return
	}
	defer func() { <-c.send }()
	r.mu.Lock()
	at, full := c.acked, c.acked+n > upToPayload || c.closed
	if !full {
		c.handed = max(c.handed, at+n)
	}
	r.mu.Unlock()
	if full {
		return
	}
	deadline := time.Now().Add(within)
	sent := 0
	err := r.timed(me, fmt.Sprintf("%d send of %d in %v", c.id, n, within), deadline, func() (err error) {
		sent, err = r.b.Dev.Send(c.fd, stuff(c.id, true, at, n), 0, deadline)
		return err
	})
	r.sent(c, at, n, sent, err)
}

// sent takes note of what became of a Send of n bytes.
func (r *run) sent(c *stream, at, n, sent int, err error) {
	if sent < 0 {
		sent = 0 // of drivers in TinyGo's manner
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if sent > n || err == nil && sent != n {
		r.brokenLocked(Exact, "a Send of %d bytes returned %d, %v", n, sent, err)
		sent = min(sent, n)
	}
	c.acked = at + sent
	if err != nil && !errors.Is(err, netdev.ErrTimeout) {
		c.doubt = max(c.doubt, at+n)
	}
	// A timeout says exactly how much went out, another error does not.
	c.handed = max(c.doubt, c.acked)
	r.became(c, err)
}

// became notes whether a connection works. One that failed may go on, if it goes
// on where it was. r.mu is held.
func (r *run) became(c *stream, err error) {
	if !c.closed && !errors.Is(err, netdev.ErrTimeout) {
		c.failed = err
		c.hurt = c.hurt || err != nil
	}
}

// recvOn receives something, or tries to.
func (r *run) recvOn(me int, c *stream, rng *rand.Rand) {
	n := 1 + rng.IntN(1<<rng.IntN(13))
	within := time.Duration(1+rng.IntN(1<<rng.IntN(10))) * time.Millisecond
	if c == nil {
		return
	}
	select {
	case c.recv <- struct{}{}:
	default:
		return
	}
	defer func() { <-c.recv }()
	r.receive(me, c, n, time.Now().Add(within))
}

// receive is a call of Recv, whose caller has the token.
func (r *run) receive(me int, c *stream, n int, deadline time.Time) error {
	r.mu.Lock()
	over := c.eof || c.closed
	r.mu.Unlock()
	if over {
		return io.EOF
	}
	buf := make([]byte, n)
	got := 0
	err := r.timed(me, fmt.Sprintf("%d recv of %d", c.id, n), deadline, func() (err error) {
		got, err = r.b.Dev.Recv(c.fd, buf, 0, deadline)
		return err
	})
	r.mu.Lock()
	defer r.mu.Unlock()
	got = max(got, 0)
	if i := differs(buf[:got], c.id, false, c.got); i >= 0 {
		c.wrong = append(c.wrong, fmt.Sprintf("the device received something else at byte %d", c.got+i))
	}
	c.got += got
	if err == io.EOF {
		c.eof = true
		// Only where the peer has closed, and all of it was received; and so it looks
		// if the news of a lost link is damaged, and not that of its connections' end.
		unseen := r.s.Link && r.b.Harm().Text && c.got >= c.wrote
		if !c.closed && !unseen && (!c.hangUp || !c.peerDone || c.got < c.wrote) && !c.peerGone {
			c.wrong = append(c.wrong, fmt.Sprintf("end of stream after %d bytes of %d", c.got, c.down))
		}
		return err
	}
	r.became(c, err)
	return err
}

// hurry changes a deadline while others may be at work.
func (r *run) hurry(me int, c *stream, rng *rand.Rand) {
	soon, wait := time.Duration(rng.IntN(50_000_000)), time.Duration(rng.IntN(60_000_000))
	if c == nil || r.dl == nil {
		return
	}
	set := func(t time.Time) error {
		// The descriptor of one that is closed may be another's by now.
		r.mu.Lock()
		closed := c.closed
		r.mu.Unlock()
		if closed {
			return nil
		}
		return r.timed(me, fmt.Sprintf("%d deadline", c.id), time.Now(), func() error { return r.dl.SetReadDeadline(c.fd, t) })
	}
	set(time.Now().Add(soon))
	time.Sleep(wait)
	set(time.Time{})
}

// close closes a connection, whoever is at work on it.
func (r *run) close(me int, c *stream) {
	r.mu.Lock()
	was := c.closed
	c.closed = true
	r.mu.Unlock()
	if was {
		return
	}
	r.timed(me, fmt.Sprintf("%d close", c.id), time.Time{}, func() error { return r.b.Dev.Close(c.fd) })
	r.give()
}

// echo is the peer's datagram service.
func (r *run) echo() {
	p, err := r.b.Peer.ListenPacket(echoPort)
	if err != nil {
		panic(err)
	}
	r.closers = append(r.closers, p)
	r.peers.Go(func() {
		buf := make([]byte, 2000)
		for {
			n, from, err := p.ReadFrom(buf)
			if err != nil {
				return
			}
			p.WriteTo(buf[:n], from)
		}
	})
}

// datagrams sends some and compares what comes back: each is there as it was
// or not at all.
func (r *run) datagrams(me int, rng *rand.Rand) {
	if r.dg == nil || !r.take(1) {
		return
	}
	defer r.give()
	id := 1<<16 + rng.IntN(1<<16)
	fd := -1
	err := r.timed(me, "udp socket", time.Time{}, func() (err error) {
		fd, err = r.b.Dev.Socket(netdev.AF_INET, netdev.SOCK_DGRAM, netdev.IPPROTO_UDP)
		return err
	})
	if err != nil {
		r.unhurt(err, "a datagram socket")
		return
	}
	to := netip.AddrPortFrom(r.b.Peer.Addr(), echoPort)
	odd := false
	for i := range 3 {
		n := 1 + rng.IntN(1<<rng.IntN(10))
		deadline := time.Now().Add(time.Duration(50+rng.IntN(400)) * time.Millisecond)
		err := r.timed(me, fmt.Sprintf("udp send of %d", n), deadline, func() error {
			_, err := r.dg.SendTo(fd, stuff(id+i, true, 0, n), 0, to, deadline)
			return err
		})
		if err != nil {
			r.unhurt(err, "sending a datagram")
			break
		}
		buf := make([]byte, 1500)
		var from netip.AddrPort
		err = r.timed(me, "udp recv", deadline, func() (err error) {
			n, from, err = r.dg.RecvFrom(fd, buf, 0, deadline)
			return err
		})
		if err != nil {
			r.unhurt(err, "receiving a datagram")
			break
		}
		// It may be a late one.
		whole := slices.ContainsFunc([]int{0, 1, 2}, func(j int) bool { return differs(buf[:n], id+j, true, 0) < 0 })
		odd = odd || !whole || from != to
	}
	if odd {
		r.note(me, "udp %d: a datagram differs", id)
		r.mu.Lock()
		r.strange++
		if !r.undetectable() && !r.b.Harm().Text {
			r.brokenLocked(Exact, "a datagram was not as it was sent, or its sender wrong")
		}
		r.mu.Unlock()
	}
	r.timed(me, "udp close", time.Time{}, func() error { return r.b.Dev.Close(fd) })
}

// lookup looks up the peer's name.
func (r *run) lookup(me int) {
	name := r.b.PeerName
	if name == "" {
		name = "host"
	}
	// A chip may take a minute to ask servers that do not answer, but not if there
	// is a deadline.
	var ip netip.Addr
	var deadline time.Time
	d, timed := r.b.Dev.(netdev.HostLookuper)
	if timed {
		deadline = time.Now().Add(patience / 2)
	}
	err := r.timed(me, "lookup", deadline, func() (err error) {
		if !timed {
			ip, err = r.b.Dev.GetHostByName(name)
			return err
		}
		all, err := d.LookupHost("ip4", name, deadline)
		if err == nil {
			ip = all[0]
		}
		return err
	})
	if err == nil && ip != r.b.Peer.Addr() && !r.undetectable() && !r.b.Harm().Text {
		r.broken(Exact, "the peer's address was looked up as %v", ip)
	}
	if err != nil && r.quiet() {
		r.broken(Untouched, "a look-up failed without a fault: %v", err)
	}
}

// undetectable reports whether bytes may differ without anybody noticing.
func (r *run) undetectable() bool {
	h := r.b.Harm()
	return h.Streams > 0 || h.All
}

// settle waits until everything on the way of a connection that is still open
// has arrived, or can be seen to be lost, and closes it.
func (r *run) settle(c *stream) {
	r.mu.Lock()
	open := !c.closed
	r.mu.Unlock()
	if !open {
		return
	}
	// What the peer sends.
	until := time.Now().Add(settling + r.b.Patience)
	if r.dl != nil {
		r.dl.SetReadDeadline(c.fd, time.Time{})
	}
	for time.Now().Before(until) {
		r.mu.Lock()
		all := c.eof || c.failed != nil || c.peerDone && !c.hangUp && c.got >= c.wrote
		r.mu.Unlock()
		if all {
			break
		}
		r.receive(-1, c, 2000, time.Now().Add(5*time.Second))
	}
	// What the device sent.
	for time.Now().Before(until) {
		r.mu.Lock()
		all := c.failed != nil || c.peerGone || c.received >= c.acked
		r.mu.Unlock()
		if all {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	r.mu.Lock()
	missing := c.failed == nil && !c.hangUp && !c.abort && c.received < c.acked
	waiting := c.failed == nil && !c.eof && !c.abort && (c.got < c.wrote || c.hangUp)
	differs := c.failed == nil && len(c.wrong) > 0 && r.b.Harm().Noticed
	at := c.acked
	r.mu.Unlock()
	if missing || waiting || differs {
		// Then the next operation has to fail.
		deadline := time.Now().Add(5 * time.Second)
		sent := 0
		err := r.timed(-1, fmt.Sprintf("%d send to see", c.id), deadline, func() (err error) {
			sent, err = r.b.Dev.Send(c.fd, stuff(c.id, true, at, 1), 0, deadline)
			return err
		})
		r.mu.Lock()
		c.handed = max(c.handed, at+1)
		r.mu.Unlock()
		r.sent(c, at, 1, sent, err)
		r.mu.Lock()
		c.unnoticed = differs && c.failed == nil
		if c.failed == nil {
			c.wrong = append(c.wrong, fmt.Sprintf("%d of %d bytes sent and %d of %d bytes received, and the socket does not fail", c.received, c.acked, c.got, c.wrote))
		}
		r.mu.Unlock()
	}
	r.close(-1, c)
}

// recover checks that the device works as before.
func (r *run) recover() {
	var open []int
	var err error
	recovering := recovering + r.b.Patience
	until := time.Now().Add(recovering)
	for len(open) < r.b.Sockets {
		fd := -1
		err = r.timed(-1, "socket again", time.Time{}, func() (err error) {
			fd, err = r.b.Dev.Socket(netdev.AF_INET, netdev.SOCK_STREAM, netdev.IPPROTO_TCP)
			return err
		})
		if err == nil {
			open = append(open, fd)
			continue
		}
		if time.Now().After(until) {
			p := Recovers
			if errors.Is(err, netdev.ErrNoMoreSockets) {
				p = NoLeak
			}
			r.broken(p, "%v after the last fault there are %d sockets: %v", recovering, len(open), err)
			break
		}
		if len(open) > 0 && !errors.Is(err, netdev.ErrNoMoreSockets) {
			// The link was found to be lost meanwhile.
			for _, fd := range open {
				r.b.Dev.Close(fd)
			}
			open = nil
		}
		time.Sleep(time.Second)
	}
	for _, fd := range open {
		r.timed(-1, "close again", time.Time{}, func() error { return r.b.Dev.Close(fd) })
	}
	if err == nil {
		// The last thing may have been a loss of link that is still to be found out.
		for err = r.echoOnce(); err != nil && time.Now().Before(until); err = r.echoOnce() {
			time.Sleep(time.Second)
		}
		if err != nil {
			r.broken(Recovers, "%v after the last fault no connection works: %v", recovering, err)
		}
	}
	if left := r.b.Left(); left != "" {
		r.broken(NoLeak, "everything is closed, and the chip has %s", left)
	}
}

// echoOnce sends something there and back over a connection of its own.
func (r *run) echoOnce() error {
	l, err := r.b.Peer.Listen(echoPort)
	if err != nil {
		panic(err)
	}
	defer l.Close()
	r.peers.Go(func() {
		if c, err := l.Accept(); err == nil {
			io.Copy(c, c)
			c.Close()
		}
	})
	want := stuff(0, true, 0, 3000)
	got := make([]byte, len(want))
	dev, err := Dial(r.b.Dev, netip.AddrPortFrom(r.b.Peer.Addr(), echoPort))
	if err == nil {
		dev.SetDeadline(time.Now().Add(20 * time.Second))
		if _, err = dev.Write(want); err == nil {
			_, err = io.ReadFull(dev, got)
		}
		dev.Close()
	}
	if err == nil && differs(got, 0, true, 0) >= 0 {
		r.broken(Exact, "after the last fault a connection does not bring what was sent")
	}
	return err
}

// verdict looks at all connections.
func (r *run) verdict() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.out.Failed = 0
	wrong, failed := 0, 0
	var texts []string
	for _, c := range r.streams {
		r.out.Bytes += c.got + c.received
		if c.received > c.handed {
			c.wrong = append(c.wrong, fmt.Sprintf("the peer received %d bytes of %d", c.received, c.handed))
		}
		if c.hurt {
			r.out.Failed++
			if r.quiet() && !c.abort {
				c.wrong = append(c.wrong, fmt.Sprintf("it failed without a fault: %v", c.failed))
			}
		}
		if len(c.wrong) > 0 {
			if c.unnoticed {
				r.brokenLocked(Exact, "connection %d, descriptor %d: %s, and it did not fail", c.id, c.fd, c.wrong[0])
			}
			wrong++
			texts = append(texts, fmt.Sprintf("connection %d, descriptor %d: %s", c.id, c.fd, c.wrong[0]))
		} else if c.hurt && !c.abort {
			failed++
		}
	}
	h := r.b.Harm()
	if h.Streams == 0 {
		for _, text := range texts {
			r.brokenLocked(Exact, "%s", text)
		}
	}
	hurt := wrong
	if !h.All && !r.s.Link && !r.s.Rejoin && !r.b.Disrupted() {
		hurt += failed + r.strange
	}
	if hurt > h.Streams && (h.Streams > 0 || h.All) {
		r.brokenLocked(Untouched, "%d connections differ, %d others failed and %d could not be made, after faults that touched %d at most: %v",
			wrong, failed, r.strange, h.Streams, texts)
	}
}
