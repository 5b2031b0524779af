package nina

import (
	"testing"
	"time"
)

// bsd opens a socket: type 1 stream, 2 datagram.
func (r *rig) bsd(kind byte) []byte {
	r.Helper()
	fd := r.ask(0x70, b(kind), b(0))
	if fd[0] == 255 {
		r.Fatal("no socket")
	}
	return fd
}

func (r *rig) errno() int { r.Helper(); return int(r.ask(0x72)[0]) }

func (r *rig) nonblocking(fd []byte) {
	r.Helper()
	r.is("FIONBIO", r.ask(0x7b, fd, unhex("7E 66 04 80"), unhex("01 00 00 00")), []byte{1, 0, 0, 0})
}

// Ports and addresses come with the port's low byte first from 75, 7A and 7F.
func TestBSDStream(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.join()
		fd := r.bsd(1)
		r.is("fd", fd[0], 54)
		r.st.open[addr("10.0.0.9:80")] = true
		r.x("E0 76 03 01 36 04 0A 00 00 09 02 00 50 EE FF FF", "E0 F6 01 01 01 EE 00 00")
		r.x("E0 77 02 00 01 36 00 02 68 69 EE FF", "E0 F7 01 02 00 02 EE 00")
		r.x("E0 7F 01 01 36 EE FF FF", "E0 FF 03 01 01 04 0A 00 00 09 02 50 00 EE 00 00")
		r.st.conns[0].send("OK")
		r.x("E0 78 02 01 36 02 00 04 EE FF FF FF", "E0 F8 01 00 02 4F 4B EE")
		r.x("E0 71 01 01 36 EE FF FF", "E0 F1 01 01 01 EE 00 00")
		r.x("E0 71 01 01 36 EE FF FF", "E0 F1 01 01 00 EE 00 00")
		r.is("errno", r.errno(), 9)
	})
}

func TestBSDDatagram(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.join()
		fd := r.bsd(2)
		r.is("bind", r.ask(0x73, fd, b(0x13, 0x88))[0], 1)
		r.x("E0 79 04 00 01 36 00 04 0A 00 00 05 00 02 00 09 00 03 61 62 63 EE FF FF", "E0 F9 01 02 00 03 EE 00")
		p := r.st.packets[5000]
		r.is("sent", p.sent, "[{abc 10.0.0.5:9}]")
		p.deliver("hello", "10.0.0.7:4660") // 1234 hex
		r.x("E0 7A 02 01 36 02 02 00 EE FF FF FF", "E0 FA 03 00 04 0A 00 00 07 00 02 34 12 00 02 68 65 EE 00 00")
		r.nonblocking(fd)
		r.command(build(0x7a, fd, b(100, 0)))
		r.is("rest of the datagram is lost", len(r.answers()[2]), 0)
		r.is("errno", r.errno(), 11)
		r.is("unbound socket binds itself", func() any {
			fd := r.bsd(2)
			return r.ask(0x79, fd, b(10, 0, 0, 5), b(0, 9), []byte("x"))
		}(), []byte{0, 1})
	})
}

// 75 blocks unless the listener does not; the socket it makes blocks either way.
func TestBSDAccept(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.join()
		fd := r.bsd(1)
		r.ask(0x73, fd, b(0, 80))
		r.is("listen", r.ask(0x74, fd, b(1))[0], 1)
		r.command(build(0x75, fd))
		time.Sleep(time.Hour)
		r.is("READY", r.c.Ready().Get(), true)
		r.st.listeners[80].dial("10.0.0.7:4660")
		p := r.answers()
		r.is("accepted", p, [][]byte{{55}, {10, 0, 0, 7}, {0x34, 0x12}})
		r.nonblocking(fd)
		r.is("nobody waits", r.ask(0x75, fd)[0], 255)
		r.is("errno", r.errno(), 11)
		r.st.listeners[80].dial("10.0.0.7:1")
		next := r.ask(0x75, fd)
		r.command(build(0x78, next, b(10, 0)))
		time.Sleep(time.Hour)
		r.is("READY", r.c.Ready().Get(), true)
		r.restart()
	})
}

func TestBSDRecvIs0ForErrorWouldBlockAndEnd(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.join()
		fd := r.bsd(1)
		r.is("unconnected", len(r.ask(0x78, fd, b(10, 0))), 0)
		r.is("errno", r.errno(), 128)
		r.st.open[addr("10.0.0.9:80")] = true
		r.ask(0x76, fd, b(10, 0, 0, 9), b(0, 80))
		r.nonblocking(fd)
		r.is("would block", len(r.ask(0x78, fd, b(10, 0))), 0)
		r.is("errno", r.errno(), 11)
		r.is("poll", r.ask(0x7c, fd)[0], 2)
		r.st.conns[0].end(false)
		r.is("poll", r.ask(0x7c, fd)[0], 3)
		r.is("end", len(r.ask(0x78, fd, b(10, 0))), 0)
		r.is("errno", r.errno(), 128)
	})
}

func TestBSDRecvTimeout(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.join()
		fd := r.bsd(2)
		r.ask(0x73, fd, b(0x13, 0x88))
		r.is("SO_RCVTIMEO", r.ask(0x7d, fd, unhex("06 10 00 00"), unhex("02 00 00 00 00 00 00 00"))[0], 1)
		r.is("read back", r.ask(0x7e, fd, unhex("06 10 00 00"), b(8)), unhex("02 00 00 00 00 00 00 00"))
		start := time.Now()
		r.command(build(0x78, fd, b(10, 0)))
		r.is("nothing", len(r.answer()), 0)
		r.is("after 2 s", time.Since(start).Round(time.Second/10), 2*time.Second)
		r.is("errno", r.errno(), 11)
	})
}

func TestBSDRecvClampsTo4076(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.join()
		fd := r.bsd(1)
		r.st.open[addr("10.0.0.9:80")] = true
		r.ask(0x76, fd, b(10, 0, 0, 9), b(0, 80))
		r.st.conns[0].send(string(make([]byte, 5000)))
		r.is("bytes", len(r.ask(0x78, fd, b(0xff, 0xff))), 4076)
		r.st.conns[0].send(string(make([]byte, 5000)))
		r.ask(0x78, fd, b(0xff, 0xff)) // the rest of the first
		r.command(build(0x7a, fd, b(0xff, 0xff)))
		r.hung("5000 bytes overrun the reply") // 7A does not clamp
	})
}

func TestBSDConnectWithoutBlocking(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.join()
		r.st.rtt = 5 * time.Millisecond
		r.st.open[addr("10.0.0.9:80")] = true
		fd := r.bsd(1)
		r.nonblocking(fd)
		r.is("connect", r.ask(0x76, fd, b(10, 0, 0, 9), b(0, 80))[0], 0)
		r.is("errno", r.errno(), 119)
		r.is("again", r.ask(0x76, fd, b(10, 0, 0, 9), b(0, 80))[0], 0)
		r.is("errno", r.errno(), 120)
		r.is("poll", r.ask(0x7c, fd)[0], 0)
		time.Sleep(5 * time.Millisecond)
		r.is("poll", r.ask(0x7c, fd)[0], 2)
		r.is("again", r.ask(0x76, fd, b(10, 0, 0, 9), b(0, 80))[0], 0)
		r.is("errno", r.errno(), 127)

		refused := r.bsd(1)
		r.nonblocking(refused)
		r.ask(0x76, refused, b(10, 0, 0, 9), b(0, 81))
		time.Sleep(5 * time.Millisecond)
		r.is("poll", r.ask(0x7c, refused)[0], 7)
		r.is("SO_ERROR", r.ask(0x7e, refused, unhex("07 10 00 00"), b(4)), []byte{104, 0, 0, 0})
	})
}

func TestBSDConnectErrnos(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		fd := r.bsd(1)
		r.ask(0x76, fd, b(10, 0, 0, 9), b(0, 80))
		r.is("no link", r.errno(), 118)
		r.join()
		r.ask(0x76, fd, b(10, 0, 0, 9), b(0, 80))
		r.is("refused", r.errno(), 104)
		r.st.silent[addr("10.0.0.9:80")] = true
		fd = r.bsd(1)
		r.ask(0x76, fd, b(10, 0, 0, 9), b(0, 80))
		r.is("silent", r.errno(), 113)
	})
}

// With SO_REUSEADDR from the first listener on, 71 and then 73 on the same port
// work; without it an open connection is in the way.
func TestBSDListenAgainNeedsReuse(t *testing.T) {
	for _, reuse := range []bool{true, false} {
		run(t, Config{}, func(r *rig) {
			r.join()
			listener := func() ([]byte, byte) {
				fd := r.bsd(1)
				if reuse {
					r.is("SO_REUSEADDR", r.ask(0x7d, fd, unhex("04 00 00 00"), unhex("01 00 00 00"))[0], 1)
				}
				bound := r.ask(0x73, fd, b(0, 80))[0]
				if bound == 1 {
					r.is("listen", r.ask(0x74, fd, b(1))[0], 1)
				}
				return fd, bound
			}
			fd, _ := listener()
			r.st.listeners[80].dial("10.0.0.7:1")
			r.is("accept", r.ask(0x75, fd)[0], 55)
			r.is("close", r.ask(0x71, fd)[0], 1)
			_, bound := listener()
			r.is("bind again", bound == 1, reuse)
			if !reuse {
				r.is("errno", r.errno(), 112)
			}
		})
	}
}

func TestBSDIoctl(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.join()
		fd := r.bsd(2)
		r.ask(0x73, fd, b(0x13, 0x88))
		r.st.packets[5000].deliver("hello", "10.0.0.7:9")
		r.is("FIONREAD", r.ask(0x7b, fd, unhex("7F 66 04 40"), make([]byte, 4)), []byte{5, 0, 0, 0})
		r.is("unknown", len(r.ask(0x7b, fd, unhex("01 02 03 04"), make([]byte, 4))), 0)
		r.is("errno", r.errno(), 88)
		r.is("bad fd", len(r.ask(0x7b, b(3), unhex("7F 66 04 40"), make([]byte, 4))), 0)
		r.is("errno", r.errno(), 9)
	})
}

func TestBSDBadDescriptor(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.is("poll", r.ask(0x7c, b(200))[0], 0)
		r.is("recv", len(r.ask(0x78, b(200), b(1, 0))), 0)
		r.is("errno", r.errno(), 9)
		r.is("option", r.ask(0x7d, b(200), unhex("04 00 00 00"), unhex("01 00 00 00"))[0], 0)
		r.is("unknown type", r.ask(0x70, b(9), b(0))[0], 255)
		r.is("errno", r.errno(), 22)
		fd := r.bsd(3) // raw sockets exist
		r.is("unknown option", r.ask(0x7d, fd, unhex("99 00 00 00"), unhex("01 00 00 00"))[0], 0)
		r.is("errno", r.errno(), 109)
	})
}

// A drop closes connected descriptors; their numbers are handed out again.
func TestBSDDropClosesConnectedDescriptors(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.join()
		fd := r.bsd(1)
		r.st.open[addr("10.0.0.9:80")] = true
		r.ask(0x76, fd, b(10, 0, 0, 9), b(0, 80))
		datagram := r.bsd(2)
		r.c.DropLink()
		r.is("stream", r.ask(0x71, fd)[0], 0)
		r.is("datagram", r.ask(0x71, datagram)[0], 1)
	})
}
