package nina

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestGPIO0IsLowAtStart(t *testing.T) {
	run(t, Config{}, func(r *rig) { r.is("GPIO0", r.gpio0(), false) })
}

// idle waits until the GPIO0 task is, and goes 2 ms past a tick.
func (r *rig) idle() {
	time.Sleep(time.Second)
	r.wholeTick()
	time.Sleep(2 * time.Millisecond)
}

// An idle task scans at once when a frame comes.
func TestGPIO0RisesAtOnceIfTheTaskWasIdle(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.join()
		peer := r.peer(0)
		r.idle()
		peer.send("x")
		synctest.Wait()
		r.is("GPIO0", r.gpio0(), true)
	})
}

// After a scan the task sleeps to the next tick: GPIO0 rises up to 10 ms late,
// and stays high as long after the data was read.
func TestGPIO0LagsBehindByUpToATick(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.join()
		peer := r.peer(0)
		r.idle()
		r.st.came() // a frame with nothing in it: scan, sleep until the tick 8 ms away
		synctest.Wait()
		peer.send("x")
		time.Sleep(7900 * time.Microsecond)
		r.is("GPIO0 before the tick", r.gpio0(), false)
		time.Sleep(200 * time.Microsecond)
		r.is("GPIO0 after it", r.gpio0(), true)
		r.is("read", r.recv(0, 10), "x")
		r.is("GPIO0 after reading", r.gpio0(), true)
		r.is("read again", r.recv(0, 10), "")
		time.Sleep(10 * time.Millisecond)
		r.is("GPIO0 a tick later", r.gpio0(), false)
	})
}

func TestGPIO0ScansAtMostOnceATick(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.join()
		r.idle()
		before := r.c.Ledger().Scans
		for range 1000 {
			r.st.came()
			time.Sleep(100 * time.Microsecond)
		}
		n := r.c.Ledger().Scans - before
		r.is("10 or 11 scans in 100 ms", n == 10 || n == 11, true)
		time.Sleep(time.Second)
		r.is("scans of requests that were kept", r.c.Ledger().Scans-before-n <= 2, true)
	})
}

// The scan stops at the first slot with data.
func TestScanStopsAtTheFirstHit(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.join()
		low := r.peer(0)
		r.listen(1, 5000, 1)
		r.listen(2, 80, 0)
		high := r.peer(3)
		low.send("unread")
		r.settle()
		r.st.packets[5000].deliver("hidden", "10.0.0.7:9")
		waiting := r.st.listeners[80].dial("10.0.0.7:1")
		high.end(false)
		r.settle()
		r.is("UDP", r.avail(1), 0)
		r.is("accepted before time", r.st.listeners[80].Pending(), true)
		r.is("end noticed", high.how(), "")
		r.recv(0, 10)
		r.settle()
		r.is("UDP", r.recv(1, 10), "hidden")
		r.settle()
		r.is("accepted before time", r.st.listeners[80].Pending(), false)
		r.is("waiting connection", waiting.how(), "")
		r.is("accepted into", r.accept(2), 4)
		r.settle()
		r.is("end noticed", high.how(), "FIN")
	})
}

// The task accepts one connection per server and holds it, without a slot.
func TestScanAcceptsOneConnectionPerServer(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.join()
		r.listen(0, 80, 0)
		l := r.st.listeners[80]
		l.dial("10.0.0.7:1")
		l.dial("10.0.0.7:2")
		r.settle()
		r.is("GPIO0", r.gpio0(), true)
		r.is("waiting", len(l.waiting), 1)
		r.is("open sockets", r.sockets(), 2)
		r.is("free slot", r.socket(), 1)
		r.is("accepted into", r.accept(0), 1)
		r.is("first come", r.remote(1), "10.0.0.7:1")
	})
}

func TestPeerCloseDoesNotRaiseGPIO0(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.join()
		r.peer(0).end(false)
		r.settle()
		r.is("GPIO0", r.gpio0(), false)
	})
}

func TestGPIO0IgnoresBSDSockets(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.join()
		fd := r.ask(0x70, b(2), b(0))
		r.ask(0x73, fd, b(0x13, 0x88))
		r.st.packets[5000].deliver("x", "10.0.0.7:9")
		r.settle()
		r.is("GPIO0", r.gpio0(), false)
	})
}

func TestGPIO0Interrupt(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.join()
		peer := r.peer(0)
		r.idle()
		var edges []bool
		r.c.GPIO0().Notify(func(level bool) { edges = append(edges, level) })
		peer.send("x")
		r.settle()
		r.recv(0, 10)
		r.settle()
		r.is("edges", edges, []bool{true, false})
	})
}

// A connection that the legacy path took is not reported to accept mode, and
// keeps GPIO0 high once it has data; a 2B with accept 0 cures that.
func TestLegacyClientHidesFromAcceptMode(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.join()
		r.listen(0, 80, 0)
		c := r.st.listeners[80].dial("10.0.0.7:1")
		r.is("legacy", r.avail(0), 255)
		c.send("GET")
		r.settle()
		r.is("GPIO0", r.gpio0(), true)
		r.is("accept", r.accept(0), 255)
		r.is("legacy", r.avail(0), 1)
		r.recv(1, 10)
		r.settle()
		r.is("GPIO0", r.gpio0(), false)
	})
}

// The firmware may look before lwIP has queued a frame's data.
func TestGPIO0MissesAFrame(t *testing.T) {
	run(t, Config{Readings: Readings{GPIO0Misses: true}}, func(r *rig) {
		r.join()
		peer := r.peer(0)
		missed := false
		for range 4 {
			r.idle()
			peer.send("x")
			r.settle()
			if !r.gpio0() {
				missed = true
				r.status() // any command makes it look again
				r.settle()
			}
			r.is("GPIO0", r.gpio0(), true)
			r.recv(0, 10)
			r.settle()
		}
		r.is("a frame was missed", missed, true)
	})
}

// The connection that the task holds is closed by a drop, but the server does
// not know: accept mode hands out the dead descriptor.
func TestHeldConnectionIsStaleAfterADrop(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.join()
		r.listen(0, 80, 0)
		c := r.st.listeners[80].dial("10.0.0.7:1")
		r.settle()
		r.c.DropLink()
		r.is("closed by", c.how(), "RST")
		r.settle()
		r.is("GPIO0", r.gpio0(), true)
		r.is("accepted into", r.accept(0), 1)
		r.is("state", r.state(1), 0)
		r.settle()
		r.is("GPIO0", r.gpio0(), false)
	})
}
