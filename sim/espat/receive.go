package espat

import (
	"fmt"
	"net/netip"
)

// Most bytes of an active +IPD (esp-at docs, CIPRECVTYPE), and of the datagrams
// that a link holds in passive mode.
const (
	ipdMost      = 2920
	dgramsHeld   = 5760
	dgramLongest = 1472
)

// isPassive reports whether a link's data waits until it is asked for.
func (f *firmware) isPassive(l *link) bool {
	return f.tcp.passive[l.id] && (l.kind != linkUDP || f.v.dgramPassive())
}

// receive tells the host what a link has received, or hands it over.
func (f *firmware) receive(l *link) {
	if l.kind == linkUDP {
		f.receiveDatagrams(l)
		return
	}
	gen := l.gen
	if f.isPassive(l) {
		ended := l.ended()
		switch n := l.available(); {
		case ended:
			f.closed(l)
		case n > 0 && !l.announce:
			l.announce = true
			l.touch(f)
			f.notice(l, f.announced(l, n))
		}
		return
	}
	buf := make([]byte, ipdMost)
	for !f.dead() && l.gen == gen && l.open {
		ended := l.ended()
		if ended {
			f.closed(l)
			return
		}
		n := l.read(buf)
		if n == 0 {
			return
		}
		l.touch(f)
		f.push(l, buf[:n], l.remote())
	}
}

// announced is the length that a notice of n bytes has. That of SSL is often of
// the records, not of what is in them.
func (f *firmware) announced(l *link, n int) int {
	if l.ssl != nil {
		return n + l.ssl.overhead()
	}
	return n
}

// notice tells the host that data waits.
func (f *firmware) notice(l *link, n int) {
	if f.tcp.report[l.id] && len(l.dgrams) > 0 {
		n = len(l.dgrams[0].data) - l.offset
	}
	f.out(fmt.Sprintf("\r\n+IPD,%s%d\r\n", f.prefix(l), n))
}

// push hands data over, and waits for the UART.
func (f *firmware) push(l *link, p []byte, from netip.AddrPort) {
	n := len(p)
	if l.ssl != nil && f.odd.hit(OddSSLLength) {
		n += sslOverhead
		f.note("oddity: +IPD announces %d bytes more than come", sslOverhead)
	}
	head := fmt.Sprintf("\r\n+IPD,%s%d%s:", f.prefix(l), n, f.peerText(l, from))
	if f.oddTorn(head, p) {
		return
	}
	f.print(head + string(p))
}

// peerText is the address in a header, if there is one.
func (f *firmware) peerText(l *link, from netip.AddrPort) string {
	if !f.tcp.dinfo {
		return ""
	}
	addr := f.addrText(l, from.Addr())
	if f.v.quotesPeer() {
		addr = quote(addr)
	}
	return fmt.Sprintf(",%s,%d", addr, from.Port())
}

func (f *firmware) receiveDatagrams(l *link) {
	gen := l.gen
	for !f.dead() && l.gen == gen && l.packet != nil {
		buf := make([]byte, dgramLongest)
		n, from, err := l.packet.ReadFrom(buf)
		if err != nil {
			break
		}
		l.touch(f)
		if l.mode == 2 || l.mode == 1 && !l.changed && from != l.peer {
			l.peer, l.changed = from, true
		}
		switch {
		case f.isPassive(l):
			if l.available()+n <= dgramsHeld {
				l.dgrams = append(l.dgrams, dgram{buf[:n], from})
			}
		case f.tcp.passive[l.id] && !f.v.nonOS():
			// 2.0: UDP does not work at all in passive mode.
		default:
			f.push(l, buf[:n], from)
		}
	}
	if l.gen == gen && !f.dead() && f.isPassive(l) && len(l.dgrams) > 0 && !l.announce {
		l.announce = true
		f.notice(l, l.available())
	}
	// What a link in active mode still holds from before.
	for !f.dead() && l.gen == gen && !f.isPassive(l) && len(l.dgrams) > 0 {
		d := l.dgrams[0]
		p := d.data[l.offset:]
		l.dgrams, l.offset = l.dgrams[1:], 0
		f.push(l, p, d.from)
	}
}

func (f *firmware) cmdCIPDINFO(r request) fault {
	if r.form == formQuery {
		text := "false"
		if f.tcp.dinfo {
			text = "true"
		}
		f.replyBare(r, "%s", text)
		return 0
	}
	a := args{list: r.params}
	on := a.number(0, 1)
	if bad := a.end(); bad != 0 {
		return bad
	}
	f.tcp.dinfo = on == 1
	return 0
}

// setPassive switches a link; what is buffered is pushed if it becomes active.
func (f *firmware) setPassive(id int, on bool) {
	t := &f.tcp
	if t.passive[id] != on {
		t.links[id].announce = false
	}
	t.passive[id] = on
}

func (f *firmware) cmdCIPRECVTYPE(r request) fault {
	t := &f.tcp
	if r.form == formQuery {
		for i := range t.passive {
			if f.v.since(5, 1) {
				f.reply(r, "%d,%d,%d", i, b2i(t.passive[i]), b2i(t.report[i]))
			} else {
				f.reply(r, "%d,%d", i, b2i(t.passive[i]))
			}
		}
		return 0
	}
	a := args{list: r.params}
	id := f.linkID(&a, maxLinks)
	mode := a.number(0, 1)
	report := 0
	if f.v.since(5, 1) {
		report = a.numberOr(0, 1, 0)
	}
	if bad := a.end(); bad != 0 {
		return bad
	}
	for i := range t.passive {
		if i == id || id == maxLinks {
			f.setPassive(i, mode == 1)
			t.report[i] = report == 1
		}
	}
	f.after = append(f.after, f.poke)
	return 0
}

func (f *firmware) cmdCIPRECVMODE(r request) fault {
	t := &f.tcp
	if r.form == formQuery {
		f.reply(r, "%d", b2i(t.passive[0]))
		return 0
	}
	a := args{list: r.params}
	mode := a.number(0, 1)
	if bad := a.end(); bad != 0 {
		return bad
	}
	for i := range t.passive {
		f.setPassive(i, mode == 1)
	}
	f.after = append(f.after, f.poke)
	return 0
}

// readable is what CIPRECVLEN says of a link.
func (f *firmware) readable(l *link) int {
	switch {
	case !l.open && f.v.nonOS():
		return 0
	case !l.open:
		return -1
	case f.tcp.report[l.id] && len(l.dgrams) > 0:
		return len(l.dgrams[0].data) - l.offset
	}
	return l.available()
}

func (f *firmware) cmdCIPRECVLEN(r request) fault {
	t := &f.tcp
	if !t.mux && f.v.since(4, 1) {
		f.reply(r, "%d", f.readable(&t.links[0]))
		return 0
	}
	line := ""
	for i := range t.links {
		if i > 0 {
			line += ","
		}
		line += fmt.Sprint(f.readable(&t.links[i]))
	}
	f.reply(r, "%s", line)
	return 0
}

func (f *firmware) cmdCIPRECVDATA(r request) fault {
	t := &f.tcp
	a := args{list: r.params}
	id := f.linkID(&a, maxLinks-1)
	most := a.number(1, 1<<31-1)
	keep := false
	if f.v.since(5, 1) {
		keep = a.numberOr(0, 1, 0) == 1
	}
	if bad := a.end(); bad != 0 {
		return bad
	}
	l := &t.links[id]
	if limit := f.v.readMost(); limit > 0 && most > limit {
		return code(subInvalid, a.at-1)
	}
	if !l.open || !f.isPassive(l) || l.available() == 0 {
		return failed
	}
	var p []byte
	from := l.remote()
	if l.kind == linkUDP {
		p, from = f.readDatagrams(l, most, keep)
	} else {
		p = make([]byte, min(most, l.available()))
		p = p[:l.read(p)]
		if len(p) == 0 { // it was reset
			f.after = append(f.after, f.poke)
			return failed
		}
	}
	l.touch(f)
	colon, comma := ":", ","
	if f.v.nonOS() {
		colon, comma = ",", ":"
	}
	head := fmt.Sprintf("+CIPRECVDATA%s%d", colon, len(p))
	if !f.v.nonOS() {
		head += f.peerText(l, from)
	}
	head += comma
	if f.oddTorn(head, p) {
		return finished
	}
	f.out(head + string(p))
	gen := l.gen
	f.after = append(f.after, func() {
		if l.gen != gen {
			return
		}
		l.announce = false
		if n := l.available(); n > 0 {
			l.announce = true
			f.notice(l, f.announced(l, n))
			return
		}
		if l.ended() {
			f.closed(l)
		}
		f.poke()
	})
	return 0
}

// readDatagrams takes bytes of datagrams, over their ends unless keep; firmware
// before 4.0 takes of one alone, and loses its rest.
func (f *firmware) readDatagrams(l *link, most int, keep bool) (p []byte, from netip.AddrPort) {
	from = l.dgrams[0].from
	for len(l.dgrams) > 0 && len(p) < most {
		d := l.dgrams[0].data[l.offset:]
		n := min(len(d), most-len(p))
		p = append(p, d[:n]...)
		if n < len(d) && f.v.since(4, 0) {
			l.offset += n
			break
		}
		l.dgrams, l.offset = l.dgrams[1:], 0
		if keep || !f.v.since(4, 0) {
			break
		}
	}
	return p, from
}
