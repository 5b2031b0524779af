package nina

import (
	"strings"
	"testing"
	"time"
)

func TestWorkedExchangeTCPClient(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.join()
		r.st.open[addr("192.168.1.10:8080")] = true
		r.x("E0 3F 00 EE", "E0 BF 01 01 00 EE 00 00")
		r.x("E0 2D 04 04 C0 A8 01 0A 02 1F 90 01 00 01 00 EE", "E0 AD 01 01 01 EE 00 00")
		r.x("E0 44 02 00 01 00 00 02 68 69 EE FF", "E0 C4 01 02 02 00 EE 00")
		peer := r.st.conns[0]
		r.is("sent", peer.got(), "hi")
		r.x("E0 45 02 00 01 00 00 02 00 04 EE FF", "E0 C5 01 00 00 EE 00 00")
		peer.send("OK")
		r.x("E0 45 02 00 01 00 00 02 00 04 EE FF", "E0 C5 01 00 02 4F 4B EE")
		r.x("E0 2A 01 01 00 EE FF FF", "E0 AA 01 01 01 EE 00 00")
		r.x("E0 2E 01 01 00 EE FF FF", "E0 AE 01 01 01 EE 00 00")
		r.is("closed by", peer.how(), "FIN")
		r.x("E0 3F 00 EE", "E0 BF 01 01 00 EE 00 00")
	})
}

func TestWorkedExchangeTCPServer(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.join()
		r.peer(0)
		r.x("E0 28 03 02 00 50 01 01 01 00 EE FF", "E0 A8 01 01 01 EE 00 00")
		r.x("E0 2B 02 01 01 01 01 EE", "E0 AB 01 02 FF 00 EE 00")
		r.st.listeners[80].dial("192.168.1.20:50000")
		r.x("E0 2B 02 01 01 01 01 EE", "E0 AB 01 02 02 00 EE 00")
		r.x("E0 3A 01 01 02 EE FF FF", "E0 BA 02 04 C0 A8 01 14 02 C3 50 EE")
		r.x("E0 29 01 01 01 EE FF FF", "E0 A9 01 01 01 EE 00 00")
	})
}

// connecting

func TestGetSocketDoesNotReserve(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.is("first", r.socket(), 0)
		r.is("second", r.socket(), 0)
	})
}

func TestConnectFailures(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.is("without a link", r.connect(0, 80) == nil, true)
		r.join()
		r.st.rtt = 5 * time.Millisecond
		start := time.Now()
		r.is("refused", r.connect(0, 80) == nil, true)
		r.is("after a round trip", time.Since(start) < 8*time.Millisecond, true)
		r.st.silent[addr("10.0.0.9:80")] = true
		start = time.Now()
		r.command(build(0x2d, b(10, 0, 0, 9), b(0, 80), b(0), b(0)))
		time.Sleep(18499 * time.Millisecond)
		r.is("READY after 18.499 s", r.c.Ready().Get(), true)
		r.is("silent peer", r.answer() == nil, true)
		r.is("after 18.5 s", time.Since(start).Round(time.Second/10), 18500*time.Millisecond)
		r.is("type stays", r.socket(), 0)
		r.is("open sockets", r.sockets(), 0)
	})
}

// sockets counts lwIP's sockets.
func (r *rig) sockets() int {
	r.c.lock()
	defer r.c.unlock()
	n := 0
	for _, s := range r.c.fw.lwip.table {
		if s != nil {
			n++
		}
	}
	return n
}

func TestConnectByNameResolvesInTheChip(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.join()
		r.st.hosts["web"] = addr("10.0.0.9:0").Addr()
		r.st.open[addr("10.0.0.9:80")] = true
		r.x("E0 2D 05 03 77 65 62 04 00 00 00 00 02 00 50 01 00 01 00 EE", "E0 AD 01 01 01 EE 00 00")
		// An empty name means the address; a sixth parameter is ignored.
		r.is("by address", r.ask(0x2d, nil, b(10, 0, 0, 9), b(0, 80), b(1), b(0), b(0, 10))[0], 1)
		r.is("unknown name", r.ask(0x2d, []byte("nobody"), b(0, 0, 0, 0), b(0, 80), b(2), b(0)) == nil, true)
		r.is("unknown name, UDP", r.ask(0x2d, []byte("nobody"), b(0, 0, 0, 0), b(0, 80), b(2), b(1)) == nil, true)
	})
}

// 2D does not close what the slot held: that socket leaks.
func TestConnectInATakenSlotLeaks(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.join()
		first := r.peer(0)
		second := r.peer(0)
		r.stop(0)
		r.is("second", second.how(), "FIN")
		r.is("first", first.how(), "")
		r.is("open sockets", r.sockets(), 1)
	})
}

func TestTenSocketsInAll(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.join()
		for i := range byte(10) {
			r.peer(i)
		}
		r.is("free slot", r.socket(), 255)
		r.is("eleventh connect", r.connect(0, 80) == nil, true)
		r.is("server", r.listen(9, 81, 0), 0)
		r.is("7x socket", r.ask(0x70, b(1), b(0))[0], 255)
		r.is("errno", r.ask(0x72)[0], 23)
	})
}

// Without a free socket a connection is accepted and dropped.
func TestAcceptWithoutAFreeSocketDropsTheConnection(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.join()
		r.listen(0, 80, 0)
		for i := range byte(9) {
			r.ask(0x70, b(1), b(0))
			_ = i
		}
		c := r.st.listeners[80].dial("10.0.0.7:1")
		r.settle()
		r.is("closed by", c.how(), "FIN")
		r.is("accept", r.accept(0), 255)
	})
}

// Descriptors never used are handed out first, then the one free for longest.
func TestDescriptorsAreReusedLate(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.is("first", r.ask(0x70, b(1), b(0))[0], 54)
		r.is("second", r.ask(0x70, b(1), b(0))[0], 55)
		r.ask(0x71, b(55))
		r.ask(0x71, b(54))
		for i := range byte(8) {
			r.is("next", r.ask(0x70, b(1), b(0))[0], 56+i)
		}
		r.is("free for longest", r.ask(0x70, b(1), b(0))[0], 55)
	})
}

// reading

func TestReadGoesOverSegmentsAndStopsAfterPush(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.join()
		peer := r.peer(0)
		peer.segment("aaa", false)
		peer.segment("bbb", true)
		peer.segment("ccc", false)
		r.is("available", r.avail(0), 9)
		r.is("first", r.recv(0, 1000), "aaabbb")
		r.is("second", r.recv(0, 1000), "ccc")
		r.is("third", r.recv(0, 1000), "")
	})
}

func TestReadTakesAtMostWhatWasAskedFor(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.join()
		r.peer(0).send("abcdef")
		r.is("first", r.recv(0, 4), "abcd")
		r.is("second", r.recv(0, 4), "ef")
	})
}

func TestReadOf4086BytesFillsTheReply(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.join()
		peer := r.peer(0)
		for range 3 {
			peer.segment(strings.Repeat("x", 1436), false)
		}
		r.is("bytes", len(r.recv(0, 4086)), 4086)
		peer.segment(strings.Repeat("x", 4000), false)
		r.command(build(0x45, b(0), b(0xf7, 0x0f)))
		r.hung("4087 bytes overrun the reply")
	})
}

// A read of 0 bytes from a socket with data closes it: recv answers 0, and no
// error says EAGAIN.
func TestReadOf0BytesClosesTheSocket(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.join()
		r.ask(0x70, b(9), b(0)) // leaves EINVAL in errno
		peer := r.peer(0)
		peer.send("abc")
		r.is("read", r.recv(0, 0), "")
		r.is("closed", peer.how() != "", true)
		r.is("state", r.state(0), 0)
	})
}

func TestGetByteAndPeek(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.join()
		peer := r.peer(0)
		r.is("nothing", r.ask(0x2c, b(0), b(0))[0], 255)
		peer.send("ab")
		r.is("peek", r.ask(0x2c, b(0), b(1))[0], 'a')
		r.is("available", r.avail(0), 2)
		// The host library sends the flag as two bytes: the first one counts.
		r.is("peek of the host library", r.ask(0x2c, b(0), b(0, 1))[0], 'a')
		r.is("rest", r.recv(0, 10), "b")
	})
}

// the peer's end

func TestStateIs4WhileDataIsUnread(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.join()
		peer := r.peer(0)
		peer.send("bye")
		peer.end(false)
		r.settle()
		r.is("state", r.state(0), 4)
		r.is("read", r.recv(0, 10), "bye")
		r.is("read again", r.recv(0, 10), "")
		r.is("state", r.state(0), 0)
		r.is("closed by", peer.how(), "FIN")
		r.is("free slot", r.socket(), 0)
	})
}

// 45 and 2B alone do not tell that the peer has closed; the type stays until
// 2F or 2E.
func TestEndIsOnlySeenByStateOrStop(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.join()
		peer := r.peer(0)
		peer.end(false)
		r.settle()
		r.is("read", r.recv(0, 10), "")
		r.is("available", r.avail(0), 0)
		r.is("free slot", r.socket(), 1)
		r.is("closed by the GPIO0 task", peer.how(), "FIN")
		r.is("state", r.state(0), 0)
		r.is("free slot", r.socket(), 0)
	})
}

// No half-close: the reply of a client that has sent FIN is lost.
func TestNoHalfClose(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.join()
		peer := r.peer(0)
		peer.send("request")
		peer.end(false)
		r.is("read", r.recv(0, 10), "request")
		r.settle()
		r.is("write", r.send(0, "reply"), 0)
		r.is("got", peer.got(), "")
	})
}

// After RST unread segments are counted but cannot be had; the 45 that finds
// that out closes the socket.
func TestResetMakesUnreadDataUnreachable(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.join()
		peer := r.peer(0)
		peer.send("lost")
		peer.end(true)
		r.settle()
		r.is("available", r.avail(0), 4)
		r.is("state", r.state(0), 4)
		r.is("GPIO0", r.gpio0(), true)
		r.is("read", r.recv(0, 10), "")
		r.is("state", r.state(0), 0)
		r.settle()
		r.is("GPIO0", r.gpio0(), false)
	})
}

func TestResetLeavesTheRestOfAHalfReadSegment(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.join()
		peer := r.peer(0)
		peer.send("half")
		r.is("read", r.recv(0, 2), "ha")
		peer.send("lost")
		peer.end(true)
		r.is("rest", r.recv(0, 10), "lf")
		r.is("read", r.recv(0, 10), "")
		r.is("state", r.state(0), 0)
	})
}

// Whole unread segments are thrown away, but one read in part makes the close
// a reset.
func TestStopWithAHalfReadSegmentResets(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.join()
		whole, half := r.peer(0), r.peer(1)
		whole.send("unread")
		half.send("unread")
		r.recv(1, 2)
		r.stop(0)
		r.stop(1)
		r.is("whole", whole.how(), "FIN")
		r.is("half", half.how(), "RST")
	})
}

// 2F on a freed slot keeps answering 0, and a late 2E closes whoever has the
// slot by then.
func TestStateFreesTheSlotWheneverItAnswers0(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.join()
		r.peer(0).end(false)
		r.is("state", r.state(0), 0)
		next := r.peer(0)
		r.stop(0)
		r.is("next connection", next.how(), "FIN")
	})
}

// writing

func TestWriteOnAClientSlotIsPartial(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.join()
		peer := r.peer(0)
		peer.buffer = 3
		r.is("written", r.send(0, "hello"), 3)
		r.is("written", r.send(0, "lo"), 0)
		r.is("state", r.state(0), 4)
		peer.allow(100)
		r.is("written", r.send(0, "lo"), 2)
		r.is("got", peer.got(), "hello")
	})
}

// Accepted sockets block: READY stays high while the peer's window is closed.
func TestWriteOnAnAcceptedSlotBlocks(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.join()
		r.listen(0, 80, 0)
		peer := r.st.listeners[80].dial("10.0.0.7:1")
		r.is("accepted into", r.accept(0), 1)
		peer.buffer = 3
		r.command(build(0x44, b(1), []byte("hello")))
		time.Sleep(time.Hour)
		r.is("READY", r.c.Ready().Get(), true)
		peer.allow(100)
		r.is("written", le(r.answer()), 5)
		r.is("got", peer.got(), "hello")
	})
}

func TestWriteOnAFreeOrUDPSlotIs0(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.join()
		r.listen(1, 5000, 1)
		r.is("free", r.send(0, "x"), 0)
		r.is("UDP", r.send(1, "x"), 0)
	})
}

func TestLargestWrite(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.join()
		peer := r.peer(0)
		r.is("written", r.send(0, strings.Repeat("x", 4083)), 4083)
		r.is("got", len(peer.got()), 4083)
	})
}

// servers

func TestAcceptNeedsAFreeSlot(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.join()
		r.listen(0, 80, 0)
		for i := range byte(9) { // UDP slots without sockets
			r.ask(0x2d, b(10, 0, 0, 9), b(0, 80), b(i+1), b(1))
		}
		c := r.st.listeners[80].dial("10.0.0.7:1")
		r.settle()
		r.is("accept", r.accept(0), 255)
		r.is("GPIO0", r.gpio0(), true)
		r.is("connection", c.how(), "")
		r.stop(4)
		r.is("accept", r.accept(0), 4)
	})
}

// Offset 6 of a frame with one parameter is a pad byte: FF means accept.
func TestPadByteSelectsAcceptMode(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.join()
		r.listen(0, 80, 0)
		r.st.listeners[80].dial("10.0.0.7:1")
		r.x("E0 2B 01 01 00 EE 00 00", "E0 AB 01 02 FF 00 EE 00")
		r.is("dial", r.st.listeners[80].dial("10.0.0.7:2") != nil, true)
		r.x("E0 2B 01 01 00 EE FF FF", "E0 AB 01 02 01 00 EE 00")
	})
}

// Without the accept byte a client is only named once it has data.
func TestLegacyAcceptWaitsForData(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.join()
		r.listen(0, 80, 0)
		c := r.st.listeners[80].dial("10.0.0.7:1")
		r.is("without data", r.avail(0), 255)
		c.send("GET")
		r.is("with data", r.avail(0), 1)
		r.is("again", r.avail(0), 1)
		r.is("read", r.recv(1, 10), "GET")
		r.is("read out", r.avail(0), 255)
		// 44 on the server slot goes to all legacy clients.
		d := r.st.listeners[80].dial("10.0.0.7:2")
		d.send("x")
		r.is("second", r.avail(0), 2)
		r.is("written to both", r.send(0, "all"), 6)
		r.is("got", c.got()+d.got(), "allall")
	})
}

// 2E on a server slot frees the slot and leaks the listener; the port cannot be
// had again.
func TestStopOnAServerLeaksTheListener(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.join()
		r.listen(0, 80, 0)
		r.stop(0)
		r.is("free slot", r.socket(), 0)
		r.is("still listening", r.listening(0), 1)
		r.is("listener", r.st.listeners[80] != nil, true)
		r.is("listen on the same port", r.listen(1, 80, 0), 0)
		// A client in that slot is taken for the server by 2B and 44.
		peer := r.peer(0)
		peer.send("abc")
		r.is("available", r.avail(0), 255)
		r.is("written", r.send(0, "x"), 0)
		r.is("read", r.recv(0, 10), "abc")
		r.is("state", r.state(0), 4)
		r.stop(0)
		r.is("client", peer.how(), "FIN")
	})
}

func TestStateOnAServerLeaksTheListener(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.join()
		r.listen(0, 80, 0)
		r.is("state", r.state(0), 0)
		r.is("free slot", r.socket(), 0)
		r.is("listener", r.st.listeners[80] != nil, true)
	})
}

// 28 again on the same port fails and takes the server object with it; on
// another port the old listener leaks.
func TestStartServerAgain(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.join()
		r.listen(0, 80, 0)
		r.is("same port", r.listen(0, 80, 0), 0)
		r.is("listening", r.listening(0), 0)
		r.is("type stays", r.socket(), 1)
		r.is("other port", r.listen(0, 81, 0), 1)
		r.is("old listener", r.st.listeners[80] != nil, true)
		r.is("open sockets", r.sockets(), 2)
	})
}

func TestServerOnPort0IsNone(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.join()
		r.is("listen", r.listen(0, 0, 0), 1)
		r.is("listening", r.listening(0), 0)
		r.is("UDP on port 0", r.listen(1, 0, 1), 1)
	})
}

func TestListenerLetsSixWait(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.join()
		r.listen(0, 80, 0)
		r.is("backlog", r.st.listeners[80].backlog, 6)
	})
	run(t, Config{Readings: Readings{StrictBacklog: true}}, func(r *rig) {
		r.join()
		r.listen(0, 80, 0)
		r.is("backlog", r.st.listeners[80].backlog, 1)
	})
}

// A closed connection keeps its port in TIME-WAIT for 120 s.
func TestTimeWaitKeepsThePort(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.join()
		fd := r.ask(0x70, b(1), b(0))
		r.ask(0x73, fd, b(0, 80))
		r.ask(0x74, fd, b(1))
		r.st.listeners[80].dial("10.0.0.7:1")
		r.command(build(0x75, fd))
		conn := r.answers()[0]
		r.ask(0x71, fd)
		r.is("listen beside an open connection", r.listen(0, 80, 0), 0)
		r.ask(0x71, conn)
		time.Sleep(119 * time.Second)
		r.is("listen in TIME-WAIT", r.listen(0, 80, 0), 0)
		time.Sleep(time.Second)
		r.is("listen after it", r.listen(0, 80, 0), 1)
	})
}

func TestRemoteOfAClosedSlotIsNoise(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.join()
		r.listen(0, 80, 0)
		first := r.ask(0x3a, b(0))
		r.is("the same twice", string(first) == string(r.ask(0x3a, b(0))), false)
		r.x("E0 3A 01 01 05 EE FF FF", "E0 BA 02 04 00 00 00 00 02 00 00 EE") // a free slot
	})
}

// A legacy client that was stopped stays in its server's list: when its
// descriptor is used again, the server takes that connection for its own.
func TestLegacyListKeepsStaleDescriptors(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.join()
		r.listen(0, 80, 0)
		r.st.listeners[80].dial("10.0.0.7:1").send("x")
		r.is("legacy", r.avail(0), 1)
		r.recv(1, 10)
		r.stop(1)
		for range 8 {
			r.bsd(2) // until only that descriptor is left
		}
		peer := r.peer(1)
		r.is("written to the server", r.send(0, "oops"), 4)
		r.is("got", peer.got(), "oops")
	})
}

// While 2D connects, the slot already names the new descriptor, and the GPIO0
// task looks at it.
func TestScanDuringAConnect(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.join()
		r.peer(0).end(false)
		r.st.rtt = time.Second
		r.command(build(0x2d, b(10, 0, 0, 9), b(0, 80), b(0), b(0)))
		for range 10 {
			r.st.came()
			time.Sleep(50 * time.Millisecond)
		}
		r.is("connected", r.answer()[0], 1)
		r.is("state", r.state(0), 4)
	})
}

// A connection that comes between the GPIO0 task's two looks is one of the
// legacy path's: accept mode never reports it, and once it has data it keeps
// GPIO0 high and ends every scan. One 2B without the accept byte finds it.
func TestRaceLosesAConnectionToTheLegacyPath(t *testing.T) {
	run(t, Config{Readings: Readings{AcceptRaces: true}}, func(r *rig) {
		r.join()
		r.listen(0, 80, 0)
		for i := range byte(3) {
			r.st.listeners[80].dial("10.0.0.7:1")
			r.settle()
			r.is("accepted into", r.accept(0), int(i)+1)
		}
		lost := r.st.listeners[80].dial("10.0.0.7:4")
		r.settle()
		r.is("accept mode", r.accept(0), 255)
		r.is("GPIO0", r.gpio0(), false)
		lost.send("GET")
		r.settle()
		r.is("GPIO0", r.gpio0(), true)
		r.is("accept mode", r.accept(0), 255)
		r.is("legacy path", r.avail(0), 4)
		r.is("read", r.recv(4, 10), "GET")
	})
}
