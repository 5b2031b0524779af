package espat

import (
	"errors"
	"fmt"
	"time"

	"tinynet/sim/network"
)

// serverBacklog is how many connections wait to be accepted.
const serverBacklog = 5

// server is the one that the firmware has.
type server struct {
	on        bool
	port      int
	kind      linkKind
	v6        bool
	ca        bool
	idle      int // seconds; 0: never
	listeners []listening
	failed    bool // to listen, and it was said
}

// listening is the server's socket on one of the networks.
type listening struct {
	station network.Station
	l       network.Listener
}

// close stops listening.
func (s *server) close() {
	for _, e := range s.listeners {
		e.l.Close()
	}
	s.listeners = nil
}

// forget drops the socket on a network that is gone.
func (s *server) forget(st network.Station) {
	for i, e := range s.listeners {
		if e.station == st {
			e.l.Close()
			s.listeners = append(s.listeners[:i:i], s.listeners[i+1:]...)
			return
		}
	}
}

// accepted returns how many links were accepted.
func (t *tcpip) accepted() int {
	n := 0
	for i := range t.links {
		if t.links[i].kind != linkFree && t.links[i].server {
			n++
		}
	}
	return n
}

// vacant returns the lowest free link for an accepted connection, nil if there
// is none.
func (t *tcpip) vacant() *link {
	if t.accepted() >= t.maxConn {
		return nil
	}
	for i := range t.links {
		if t.links[i].kind == linkFree {
			return &t.links[i]
		}
	}
	return nil
}

// serve listens while there is a link for whoever comes, and accepts.
func (f *firmware) serve() {
	t := &f.tcp
	s := &t.server
	if !s.on {
		return
	}
	if t.vacant() == nil {
		s.close()
		return
	}
	for _, st := range []network.Station{f.wifi.station, f.ap.station} {
		if st == nil {
			continue
		}
		there := false
		for _, e := range s.listeners {
			there = there || e.station == st
		}
		if there {
			continue
		}
		l, err := st.Listen(uint16(s.port), serverBacklog)
		if err != nil {
			if !s.failed {
				f.note("listen on port %d: %v", s.port, err)
			}
			s.failed = true
			continue
		}
		s.failed = false
		s.listeners = append(s.listeners, listening{st, l})
	}
	for i := 0; i < len(s.listeners); {
		e := s.listeners[i]
		l := t.vacant()
		if l == nil {
			s.close()
			return
		}
		conn, err := e.l.Accept()
		if errors.Is(err, network.ErrWouldBlock) {
			i++
			continue
		}
		if err != nil {
			f.note("accept: %v", err)
			i++
			continue
		}
		l.take(f, s.kind)
		l.server, l.v6, l.station, l.conn = true, s.v6, e.station, conn
		if s.kind == linkSSL {
			ca := s.ca
			f.task(func() { f.shakeServer(l, ca) })
			continue
		}
		f.accept(l)
	}
	if t.vacant() == nil {
		s.close()
	}
}

// accept tells the host of an accepted link.
func (f *firmware) accept(l *link) {
	f.opened(l)
	f.watchIdle(l)
	f.poke()
}

func (f *firmware) shakeServer(l *link, ca bool) {
	gen := l.gen
	err := f.handshakeServer(l, ca)
	switch {
	case f.dead() || l.gen != gen:
	case err != nil:
		f.note("link %d: %v", l.id, err)
		l.release()
		f.poke()
	default:
		f.accept(l)
	}
}

// watchIdle closes an accepted link after CIPSTO without traffic.
func (f *firmware) watchIdle(l *link) {
	limit := time.Duration(f.tcp.server.idle) * time.Second
	if limit == 0 || !l.server || l.kind == linkFree {
		return
	}
	if l.idle != nil {
		l.idle.Stop()
	}
	gen := l.gen
	rest := max(limit-f.c.clk.Now().Sub(l.active), time.Millisecond)
	l.idle = f.later(rest, func() {
		switch {
		case l.gen != gen || !l.open:
		case f.c.clk.Now().Sub(l.active) >= limit:
			f.note("link %d: no traffic for %v", l.id, limit)
			f.closed(l)
		default:
			f.watchIdle(l)
		}
	})
}

func (f *firmware) cmdCIPSERVER(r request) fault {
	t := &f.tcp
	s := &t.server
	if r.form == formQuery {
		if !s.on {
			f.reply(r, "0")
			return 0
		}
		kind := link{kind: s.kind, v6: s.v6}
		f.reply(r, "1,%d,%s,%d,0", s.port, quote(kind.kindName()), b2i(s.ca))
		return 0
	}
	a := args{list: r.params}
	mode := a.number(0, 1)
	if mode == 0 {
		clients := a.numberOr(0, 1, 0)
		if bad := a.end(); bad != 0 {
			return bad
		}
		if !s.on {
			return 0
		}
		s.on = false
		s.close()
		for i := range t.links {
			if l := &t.links[i]; clients == 1 && l.server && l.kind != linkFree {
				if l.open {
					f.closed(l)
				} else {
					l.release()
				}
			}
		}
		return 0
	}
	want := server{on: true, port: a.numberOr(1, 65535, 333), kind: linkTCP, idle: f.v.idleDefault()}
	if f.v.serverTypes() {
		text := a.strOr(5, "TCP")
		var ok bool
		want.kind, want.v6, ok = typeOf(text)
		if a.bad == 0 && (!ok || want.kind == linkUDP || want.v6 && !f.v.since(2, 2)) {
			a.fail(subInvalid)
		}
		want.ca = a.numberOr(0, 1, 0) == 1
		if f.v.since(2, 2) {
			a.numberOr(0, 2, 0)
		}
	}
	if bad := a.end(); bad != 0 {
		return bad
	}
	switch {
	case !t.mux, want.v6 && !f.wifi.ipv6:
		return failed
	case s.on:
		if s.port == want.port && s.kind == want.kind && s.v6 == want.v6 && s.ca == want.ca {
			f.logs("no change")
			return 0
		}
		return failed
	}
	*s = want
	f.after = append(f.after, f.poke)
	return 0
}

func (f *firmware) cmdCIPSERVERMAXCONN(r request) fault {
	t := &f.tcp
	if r.form == formQuery {
		f.reply(r, "%d", t.maxConn)
		return 0
	}
	a := args{list: r.params}
	n := a.number(1, maxLinks)
	if bad := a.end(); bad != 0 {
		return bad
	}
	if open := t.accepted(); open > n {
		f.print(fmt.Sprintf("Have %d Connections\r\n", open))
		return failed
	}
	if t.server.on {
		return failed
	}
	t.maxConn = n
	return 0
}

func (f *firmware) cmdCIPSTO(r request) fault {
	t := &f.tcp
	if r.form == formQuery {
		f.reply(r, "%d", t.server.idle)
		return 0
	}
	a := args{list: r.params}
	n := a.number(0, 7200)
	if bad := a.end(); bad != 0 {
		return bad
	}
	if !t.server.on {
		return failed
	}
	t.server.idle = n
	for i := range t.links {
		l := &t.links[i]
		if l.idle != nil {
			l.idle.Stop()
			l.idle = nil
		}
		if l.open {
			f.watchIdle(l)
		}
	}
	return 0
}
