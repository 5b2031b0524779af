package espat

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"tinynet/sim/network"
)

// sending is a send under way: to whom, and the use of the link it began with.
type sending struct {
	l   *link
	gen uint64
	to  netip.AddrPort // UDP
}

// beginSend reads what CIPSEND and its like begin with.
func (f *firmware) beginSend(a *args, most int, optional bool) (s sending, n int, bad fault) {
	id := f.linkID(a, maxLinks-1)
	if optional {
		n = a.numberOr(1, most, most)
	} else {
		n = a.number(1, most)
	}
	host := a.strOr(hostMost, "")
	port := 0
	if host != "" {
		port = a.number(1, 65535)
	}
	if bad = a.end(); bad != 0 {
		return s, 0, bad
	}
	l := &f.tcp.links[id]
	s = sending{l: l, gen: l.gen, to: l.peer}
	switch {
	case !l.open:
		f.logs("link is not valid")
		return s, 0, failed
	case host != "" && l.kind != linkUDP:
		return s, 0, failed
	case host != "":
		addr, err := f.resolve(l.ctx, host, l.v6)
		if err != nil || f.dead() {
			f.note("send to %q: %v", host, err)
			return s, 0, failed
		}
		s.to = netip.AddrPortFrom(addr, uint16(port))
	}
	return s, n, 0
}

// prompt says OK and > and leaves the UART to d.
func (f *firmware) prompt(d *dataMode) bool {
	f.data = d
	f.c.inputChanged.wake()
	switch {
	case f.odd.hit(OddEarlyPrompt):
		f.out("\r\n>")
		f.out("\r\nOK\r\n")
	case f.v.nonOS():
		f.out("\r\nOK\r\n")
		if !f.sleep(f.c.cfg.Timing.Prompt) {
			return false
		}
		f.out("> ")
	case f.v.promptAtOnce():
		f.out("\r\nOK\r\n\r\n>")
	default:
		f.out("\r\nOK\r\n")
		if !f.sleep(f.c.cfg.Timing.Prompt) {
			return false
		}
		f.out("\r\n>")
	}
	f.drain()
	return !f.dead()
}

// await waits for the data of a prompt.
func (f *firmware) await(d *dataMode) bool {
	f.c.block(func() {
		select {
		case <-d.done:
		case <-f.ctx.Done():
		}
	})
	return !f.dead()
}

func (f *firmware) cmdCIPSEND(r request) fault {
	if len(r.params) == 0 {
		return code(subCount, 1<<8)
	}
	return f.send(args{list: r.params}, false)
}

func (f *firmware) cmdCIPSENDEX(r request) fault { return f.send(args{list: r.params}, true) }

func (f *firmware) send(a args, escaped bool) fault {
	s, n, bad := f.beginSend(&a, f.v.sendMost(), escaped)
	if f.dead() {
		return finished
	}
	if bad != 0 {
		return bad
	}
	d := newDataMode(n)
	d.escaped = escaped
	if !f.prompt(d) || !f.await(d) {
		return finished
	}
	if d.cancelled {
		f.print("\r\nSEND Canceled\r\n")
		return finished
	}
	f.c.traceIn(string(d.got))
	f.sending = true
	defer func() { f.sending = false }()
	if !f.sleep(f.c.cfg.Timing.Recv) {
		return finished
	}
	f.print(fmt.Sprintf("\r\nRecv %d bytes\r\n", len(d.got)))
	ok := f.transmit(s, d.got)
	if f.dead() || !f.sleep(f.c.cfg.Timing.Sent) {
		return finished
	}
	f.sending = false
	f.sendResult(ok)
	return finished
}

func (f *firmware) sendResult(ok bool) {
	switch {
	case !ok:
		f.out("\r\nSEND FAIL\r\n")
	case f.odd.hit(OddNoSendOK):
		f.note("oddity: no SEND OK")
	case f.odd.hit(OddFailThenOK):
		f.note("oddity: SEND FAIL before SEND OK")
		f.out("\r\nSEND FAIL\r\n\r\nSEND OK\r\n")
	default:
		f.out("\r\nSEND OK\r\n")
	}
}

// transmit hands data to the TCP/IP stack, which waits until it fits. It
// reports whether all did.
func (f *firmware) transmit(s sending, p []byte) bool {
	l := s.l
	valid := func() bool { return !f.dead() && l.gen == s.gen && l.open }
	if !valid() {
		return false
	}
	l.touch(f)
	if l.kind == linkUDP {
		if err := l.packet.WriteTo(p, s.to); err != nil {
			f.note("send to %v: %v", s.to, err)
			return false
		}
		return true
	}
	ctx := l.ctx
	if ms := f.tcp.opt[l.id].sndtimeo; ms > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithCancel(ctx)
		defer cancel()
		defer f.c.clk.AfterFunc(time.Duration(ms)*time.Millisecond, cancel).Stop()
	}
	if l.ssl != nil {
		ok := l.ssl.write(ctx, f, p)
		if valid() {
			l.touch(f)
		}
		return ok && valid()
	}
	conn := l.conn
	for len(p) > 0 {
		n, err := conn.Write(p)
		p = p[n:]
		if err != nil && !errors.Is(err, network.ErrWouldBlock) {
			return false
		}
		if len(p) > 0 {
			f.c.block(func() { err = conn.WaitWritable(ctx) })
			if err != nil || !valid() {
				return false
			}
		}
	}
	l.touch(f)
	return true
}

// Of CIPSENDL: bytes between two reports, and the buffer (esp-at docs,
// CIPSENDLCFG).
const (
	streamReport = 1024
	streamBuffer = 2920
)

func (f *firmware) cmdCIPSENDL(r request) fault {
	a := args{list: r.params}
	s, n, bad := f.beginSend(&a, 1<<31-1, false)
	if f.dead() {
		return finished
	}
	if bad != 0 {
		return bad
	}
	d := newDataMode(n)
	d.limit = streamBuffer
	if !f.prompt(d) {
		return finished
	}
	f.sending = true
	defer func() { f.sending = false }()
	open := s.l.ctx // which a link that has ended has no more
	sent, reported := 0, 0
	ok := true
	for ok && !(d.over && len(d.got) == 0) && !d.cancelled {
		if len(d.got) == 0 || d.timer != nil {
			more := d.more.wait()
			f.c.block(func() {
				select {
				case <-more:
				case <-open.Done():
				case <-f.ctx.Done():
				}
			})
			if f.dead() {
				return finished
			}
			if s.l.gen != s.gen {
				ok = false
			}
			continue
		}
		chunk := d.got
		d.got = nil
		f.c.inputChanged.wake()
		ok = f.transmit(s, chunk)
		if f.dead() {
			return finished
		}
		if sent += len(chunk); sent-reported >= streamReport && sent < n {
			reported = sent
			f.print(fmt.Sprintf("\r\n+CIPSENDL:%d,%d\r\n", sent, d.total))
		}
	}
	switch {
	case d.cancelled:
		f.print("\r\nSEND CANCELLED\r\n")
	case ok:
		f.print(fmt.Sprintf("\r\n+CIPSENDL:%d,%d\r\n", sent, d.total))
		f.out("\r\nSEND OK\r\n")
	default:
		// Only all bytes, or +++, end data mode.
		for !d.over {
			d.got = nil
			f.c.inputChanged.wake()
			more := d.more.wait()
			f.c.block(func() {
				select {
				case <-more:
				case <-f.ctx.Done():
				}
			})
			if f.dead() {
				return finished
			}
		}
		f.out("\r\nSEND FAIL\r\n")
	}
	return finished
}

// typeOf splits a server's or link's type into its kind and family.
func typeOf(text string) (kind linkKind, v6, ok bool) {
	base, v6 := strings.CutSuffix(text, "v6")
	kind, ok = linkTypes[base]
	return kind, v6, ok
}
