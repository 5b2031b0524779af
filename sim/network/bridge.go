package network

import (
	"io"
	"net"
	"net/netip"
	"sync"
	"time"
)

// bridge is where a board's connection becomes one of the host's: an end on
// the fabric that is the board's peer, and a socket.
type bridge struct {
	h   *Host
	e   *end
	os  *net.TCPConn
	one sync.Once
}

// bridge joins a board's end with a socket. It is called with the fabric
// locked; start has to be called after that.
func (h *Host) bridge(board *end, c *net.TCPConn) (start func()) {
	b := &bridge{h: h, e: newEnd(board.f.host, board.remote, board.local), os: c}
	join(board, b.e)
	b.e.onReset = b.kill
	return func() {
		if !h.adopt(c) {
			b.abort()
			return
		}
		var both sync.WaitGroup
		both.Add(2)
		h.work.Add(1)
		go func() { defer both.Done(); b.toBoard(min(board.node.p.Window, 64<<10)) }()
		go func() { defer both.Done(); b.fromBoard() }()
		go func() {
			defer h.work.Done()
			both.Wait()
			b.e.f.lock()
			b.e.close()
			b.e.f.unlock()
			h.disown(c)
		}()
	}
}

// kill resets the socket, which ends both goroutines.
func (b *bridge) kill() {
	b.one.Do(func() {
		b.os.SetLinger(0)
		b.os.Close()
	})
}

// abort resets both sides.
func (b *bridge) abort() {
	b.e.f.lock()
	b.e.abort()
	b.e.f.unlock()
	b.kill()
}

var forever time.Time

// toBoard carries what the host's peer sends, at most so many bytes at a time.
func (b *bridge) toBoard(most int) {
	buf := make([]byte, most)
	for {
		room := 0
		b.e.f.await(&b.e.signal, &forever, func() bool {
			room = b.room(len(buf))
			return room > 0 || b.e.reset
		})
		if room == 0 {
			return
		}
		n, err := b.os.Read(buf[:room])
		b.e.f.lock()
		if n > 0 {
			b.e.write(buf[:n], true)
		}
		if err == io.EOF {
			b.e.shutdown()
		}
		b.e.f.unlock()
		if err != nil {
			if err != io.EOF {
				b.abort()
			}
			return
		}
	}
}

// room returns how much the board takes at once.
func (b *bridge) room(most int) int {
	board := b.e.peer
	if q := board.node.p.SegmentQueue; q > 0 {
		most = min(most, (q-len(board.segs)-len(board.held))*b.e.mss)
	}
	if most <= 0 {
		return 0
	}
	if n := b.e.fits(min(most, b.e.mss)); n < b.e.mss {
		return n
	}
	return min(most, b.e.credit)
}

// fromBoard carries what the board sends.
func (b *bridge) fromBoard() {
	buf := make([]byte, 64<<10)
	for {
		n := 0
		var err error
		b.e.f.await(&b.e.signal, &forever, func() bool {
			n, err = b.e.readSlowly(buf)
			return err != ErrWouldBlock
		})
		if err == io.EOF {
			// Boards do not half-close, so leave the rest to the operating
			// system: it sends what it has, FIN, and resets if more comes.
			b.os.Close()
			return
		}
		if err == nil {
			_, err = b.os.Write(buf[:n])
		}
		if err != nil {
			b.abort()
			return
		}
	}
}

// accepted makes a connection that the host's sockets have accepted one of
// the listener's. It is called with the fabric locked.
func (h *Host) accepted(l *tcpListener, c *net.TCPConn) (start func()) {
	from := c.RemoteAddr().(*net.TCPAddr).AddrPort()
	board := newEnd(l.node, netip.AddrPortFrom(l.node.addr, l.port), netip.AddrPortFrom(l.node.f.gate, from.Port()))
	start = h.bridge(board, c)
	l.deliver(board)
	return start
}
