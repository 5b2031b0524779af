package nina

import (
	"strings"
	"testing"
	"time"
)

func TestWorkedExchangeUDP(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.join()
		r.x("E0 28 03 02 13 88 01 01 01 01 EE FF", "E0 A8 01 01 01 EE 00 00")
		r.x("E0 2D 04 04 0A 00 00 05 02 13 88 01 01 01 01 EE", "E0 AD 01 01 01 EE 00 00")
		r.x("E0 46 02 00 01 01 00 03 61 62 63 EE", "E0 C6 01 01 01 EE 00 00")
		r.x("E0 39 01 01 01 EE FF FF", "E0 B9 01 01 01 EE 00 00")
		r.is("sent", r.st.packets[5000].sent, "[{abc 10.0.0.5:5000}]")
	})
}

// to sets where a UDP slot sends.
func (r *rig) to(slot byte) { r.Helper(); r.ask(0x2d, b(10, 0, 0, 5), b(0, 9), b(slot), b(1)) }

func (r *rig) insert(slot byte, data string) byte {
	r.Helper()
	return r.ask(0x46, b(slot), []byte(data))[0]
}

func TestUDPBeginMakesNoSocket(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.join()
		r.to(0)
		r.is("open sockets", r.sockets(), 0)
		r.is("free slot", r.socket(), 1)
		r.is("insert", r.insert(0, "abc"), 1)
		r.is("send", r.ask(0x39, b(0))[0], 0)
	})
}

// The buffer is not cleared by sending: the datagram goes out again, and 46
// adds to it. 2D empties it.
func TestUDPBufferIsKept(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.join()
		r.listen(0, 5000, 1)
		r.to(0)
		r.is("insert nothing", r.insert(0, ""), 0)
		r.ask(0x39, b(0))
		r.insert(0, "ab")
		r.ask(0x39, b(0))
		r.ask(0x39, b(0))
		r.insert(0, "cd")
		r.ask(0x39, b(0))
		r.to(0)
		r.insert(0, "e")
		r.ask(0x39, b(0))
		var sent []string
		for _, d := range r.st.packets[5000].sent {
			sent = append(sent, d.data)
		}
		r.is("sent", strings.Join(sent, ","), ",ab,ab,abcd,e")
	})
}

func TestUDPDatagramsAreAtMost1472Bytes(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.join()
		r.listen(0, 5000, 1)
		r.to(0)
		r.insert(0, strings.Repeat("x", 1472))
		r.is("1472 bytes", r.ask(0x39, b(0))[0], 1)
		r.insert(0, "x")
		r.is("1473 bytes", r.ask(0x39, b(0))[0], 0)
	})
}

// 2B counts the current datagram only; a short read leaves the rest.
func TestUDPShortReadSplitsTheDatagram(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.join()
		r.listen(0, 5000, 1)
		r.st.packets[5000].deliver("abcdef", "10.0.0.7:9")
		r.st.packets[5000].deliver("ghi", "10.0.0.8:9")
		r.settle()
		r.is("available", r.avail(0), 6)
		r.is("sender", r.remote(0), "10.0.0.7:9")
		r.is("read", r.recv(0, 4), "abcd")
		r.settle()
		r.is("available", r.avail(0), 2)
		r.is("peek", r.ask(0x2c, b(0), b(1))[0], 'e')
		r.is("get", r.ask(0x2c, b(0), b(0))[0], 'e')
		r.is("read", r.recv(0, 4), "f")
		r.settle()
		r.is("next", r.recv(0, 10), "ghi")
		r.is("sender", r.remote(0), "10.0.0.8:9")
		r.is("nothing", r.ask(0x2c, b(0), b(0))[0], 255)
	})
}

// remote asks for the other end's address.
func (r *rig) remote(slot byte) string {
	r.Helper()
	r.command(build(0x3a, b(slot)))
	p := r.answers()
	return dotted([4]byte(p[0])) + ":" + itoa(int(p[1][0])<<8|int(p[1][1]))
}

func TestUDPEmptyDatagramsAreDropped(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.join()
		r.listen(0, 5000, 1)
		r.st.packets[5000].deliver("", "10.0.0.7:9")
		r.settle()
		r.is("GPIO0", r.gpio0(), false)
		r.st.packets[5000].deliver("x", "10.0.0.7:9")
		r.settle()
		r.is("read", r.recv(0, 10), "x")
	})
}

// A datagram is visible at the tick after it was pulled, and the task sleeps
// another tick: one datagram in two ticks.
func TestUDPFiftyDatagramsASecond(t *testing.T) {
	run(t, Config{Seed: 7}, func(r *rig) {
		r.join()
		r.listen(0, 5000, 1)
		p := r.st.packets[5000]
		time.Sleep(time.Second) // the task is idle
		r.wholeTick()
		time.Sleep(3 * time.Millisecond)
		for range 3 {
			p.deliver("x", "10.0.0.7:9")
		}
		start := time.Now()
		var at []time.Duration
		for len(at) < 3 {
			if r.gpio0() && r.recv(0, 10) == "x" {
				at = append(at, time.Since(start).Truncate(time.Millisecond))
			}
			time.Sleep(100 * time.Microsecond)
		}
		r.is("times", at, []time.Duration{7 * time.Millisecond, 27 * time.Millisecond, 47 * time.Millisecond})
	})
}

// wholeTick sleeps to the next tick.
func (r *rig) wholeTick() {
	r.c.lock()
	d := r.c.fw.untilTick()
	r.c.unlock()
	time.Sleep(d)
}

// A datagram that arrives between 2D and 39 redirects what is sent.
func TestUDPArrivalRedirectsTheNextDatagram(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.join()
		r.listen(0, 5000, 1)
		r.to(0)
		r.insert(0, "secret")
		p := r.st.packets[5000]
		p.deliver("hello", "10.0.0.66:6")
		r.settle()
		r.ask(0x39, b(0))
		r.is("sent", p.sent, "[{secret 10.0.0.66:6}]")
		// Not while unread bytes are in the slot.
		p.deliver("again", "10.0.0.77:7")
		r.to(0)
		r.settle()
		r.ask(0x39, b(0))
		r.is("sent to", p.sent[1].peer, "10.0.0.5:9")
	})
}

// 2D overwrites the sender of a datagram that is unread.
func TestUDPBeginOverwritesTheSender(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.join()
		r.listen(0, 5000, 1)
		r.st.packets[5000].deliver("hello", "10.0.0.7:9")
		r.settle()
		r.to(0)
		r.is("sender", r.remote(0), "10.0.0.5:9")
		r.is("read", r.recv(0, 10), "hello")
	})
}

// 2E keeps unread bytes: they are the slot's next datagram.
func TestUDPStopKeepsUnreadBytes(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.join()
		r.listen(0, 5000, 1)
		r.st.packets[5000].deliver("old", "10.0.0.7:9")
		r.settle()
		r.stop(0)
		r.is("open sockets", r.sockets(), 0)
		r.listen(0, 5001, 1)
		r.is("read", r.recv(0, 10), "old")
	})
}

func TestUDPStateLeaksTheSocket(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.join()
		r.listen(0, 5000, 1)
		r.is("state", r.state(0), 0)
		r.is("free slot", r.socket(), 0)
		r.is("open sockets", r.sockets(), 1)
		r.is("bind the same port", r.listen(0, 5000, 1), 0)
	})
}

func TestUDPSixDatagramsWait(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.join()
		fd := r.ask(0x70, b(2), b(0))
		r.ask(0x73, fd, b(0x13, 0x88))
		r.ask(0x7b, fd, unhex("7E 66 04 80"), unhex("01 00 00 00"))
		for range 8 {
			r.st.packets[5000].deliver("x", "10.0.0.7:9")
		}
		n := 0
		for {
			r.command(build(0x7a, fd, b(100, 0)))
			if p := r.answers(); len(p[2]) == 0 {
				break
			}
			n++
		}
		r.is("datagrams", n, 6)
	})
}

func TestUDPMulticast(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.join()
		r.x("E0 28 04 04 E0 00 00 FB 02 14 E9 01 00 01 03 EE", "E0 A8 01 01 01 EE 00 00")
		r.is("groups", r.st.packets[5353].groups, "[224.0.0.251]")
		r.st.packets[5353].deliver("query", "10.0.0.7:5353")
		r.settle()
		r.is("read", r.recv(0, 10), "query") // the slot is of type 1
	})
}
