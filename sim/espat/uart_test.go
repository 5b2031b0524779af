package espat

import (
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tinynet/sim/clock"
)

// bits is the time of n bytes.
func bits(n, baud int) time.Duration {
	return time.Duration(n) * (10 * time.Second / time.Duration(baud))
}

// near checks a time to a microsecond.
func near(t *testing.T, what string, got, want time.Duration) {
	t.Helper()
	if d := got - want; d < -time.Microsecond || d > time.Microsecond {
		t.Errorf("%s took %v, want %v", what, got, want)
	}
}

// Every byte takes ten bit times, and a command a millisecond from its last byte
// to the reply's first.
func TestTimeOfACommand(t *testing.T) {
	virtually(t, Config{}, func(r *rig) {
		start := time.Now()
		r.send("AT\r\n")
		near(t, "writing 4 bytes", time.Since(start), bits(4, 115200))
		r.expect(ok)
		near(t, "AT", time.Since(start), bits(4+6, 115200)+time.Millisecond)
	})
}

// A send: Recv half a millisecond after the last byte, SEND OK half a one after
// that, without a round trip as long as all fits the send buffer.
func TestTimeOfASend(t *testing.T) {
	virtually(t, Config{}, func(r *rig) {
		r.join()
		l := r.listen(80)
		r.do(`AT+CIPSTART="TCP","10.0.0.1",80`, "CONNECT\r\n"+ok)
		peer := l.accept()
		for _, c := range []struct {
			n    int
			wait time.Duration
		}{
			{5760, 0},
			{8192, rtt}, // the rest waits for the first acknowledgement
		} {
			r.do("AT+CIPSEND="+itoa(c.n), "\r\nOK\r\n\r\n>")
			start := time.Now()
			r.send(string(payload(c.n)))
			near(t, "the data", time.Since(start), bits(c.n, 115200))
			recv := "\r\nRecv " + itoa(c.n) + " bytes\r\n"
			r.expect(recv)
			near(t, "Recv", time.Since(start), bits(c.n+len(recv), 115200)+500*time.Microsecond)
			r.expect(sent)
			// Recv is on the wire longer than the half millisecond.
			least := bits(c.n+len(recv)+len(sent), 115200) + 500*time.Microsecond
			if c.wait > 0 {
				least = bits(c.n+len(sent), 115200) + 1000*time.Microsecond + c.wait
			}
			near(t, "SEND OK", time.Since(start), least)
			r.read(peer, c.n)
			time.Sleep(time.Second)
		}
	})
}

// With more than the module's ring in a line, or sent while it has no room, what
// does not fit is lost; with flow control the host waits instead.
func TestModulesRingOverflows(t *testing.T) {
	for _, flow := range []bool{false, true} {
		virtually(t, Config{}, func(r *rig) {
			if flow {
				r.do("AT+UART_DEF=115200,8,1,0,3", ok)
				r.u.SetFlowControl(true, true)
			}
			// Booting it reads nothing.
			r.c.Restart()
			r.u.Write(payload(5000))
			r.expect("\r\nready\r\n")
			time.Sleep(time.Second)
			for len(r.in) > 0 {
				<-r.in // the echo of what came after that
			}
			lost := r.c.Ledger().LostOut
			if (lost > 0) == flow {
				t.Errorf("flow control %v: %d bytes were lost", flow, lost)
			}
			r.send("\r\n")
			r.expect("\r\n" + bad)
		})
	}
}

// A host that does not read loses what its ring has no room for, unless it has
// flow control; then the module waits, and nothing is lost.
func TestHostsRingOverflows(t *testing.T) {
	for _, flow := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			c := New(Config{Clock: clock.Virtual(), HostRing: 128})
			defer c.Close()
			u := c.UART()
			time.Sleep(time.Second)
			say := func(s string) string {
				u.Write([]byte(s))
				time.Sleep(time.Second)
				var got []byte
				for {
					n := u.Buffered()
					if n == 0 {
						return string(got)
					}
					p := make([]byte, n)
					u.Read(p)
					got = append(got, p...)
					time.Sleep(20 * time.Millisecond)
				}
			}
			say("ATE0\r\n")
			if flow {
				say("AT+UART_CUR=115200,8,1,0,2\r\n")
				u.SetFlowControl(true, false)
			}
			want := strings.Join(lookupDialect("").gmr, "\r\n") + "\r\n" + ok
			got := say("AT+GMR\r\n")
			lost := c.Ledger().LostIn
			if flow && (got != want || lost != 0) {
				t.Errorf("with flow control: %d bytes lost, received %q", lost, got)
			}
			if !flow && (got != want[:128] || lost != len(want)-128) {
				t.Errorf("without flow control: %d of %d bytes lost, received %q", lost, len(want), got)
			}
		})
	}
}

// The OK of UART_CUR comes at the old speed, all after it is at the new one; a
// reset brings the old one back. At the wrong speed there is garbage, and no
// harm is done.
func TestSpeed(t *testing.T) {
	virtually(t, Config{}, func(r *rig) {
		r.do("AT+UART_CUR=2000000,8,1,0,0", ok)
		r.send("AT\r\n") // at 115200
		time.Sleep(100 * time.Millisecond)
		for len(r.in) > 0 {
			<-r.in
		}
		r.u.SetBaud(2_000_000)
		r.send("\r\n") // ends what the module took for a line
		time.Sleep(100 * time.Millisecond)
		for len(r.in) > 0 {
			<-r.in
		}
		start := time.Now()
		r.do("AT", ok)
		near(t, "AT at 2000000", time.Since(start), bits(4+6, 2_000_000)+time.Millisecond)
		r.do("AT+UART_CUR?", "+UART_CUR:2000000,8,1,0,0\r\n"+ok)
		r.do("AT+RST", ok)
		r.u.SetBaud(115200)
		r.expect("\r\nready\r\n")
		r.do("ATE0", "ATE0\r\n"+ok)
		r.do("AT+UART_DEF=9600,8,1,0,0", ok)
		r.u.SetBaud(9600)
		r.do("AT+RST", ok)
		r.expect("\r\nready\r\n")
		r.do("ATE0", "ATE0\r\n"+ok)
		for _, bad := range []string{"79,8,1,0,0", "115200,4,1,0,0", "115200,8,4,0,0", "115200,8,1,3,0", "115200,8,1,0,4", "9000000,8,1,0,0"} {
			r.do("AT+UART_CUR="+bad, "\r\nERROR\r\n")
		}
	})
}

// A host that follows is understood at any speed.
func TestFollow(t *testing.T) {
	virtually(t, Config{}, func(r *rig) {
		r.u.Follow()
		r.do("AT+UART_CUR=921600,8,1,0,0", ok)
		start := time.Now()
		r.do("AT", ok)
		near(t, "AT", time.Since(start), bits(4+6, 921600)+time.Millisecond)
		r.do("AT+RST", ok+"\r\nready\r\n")
		r.do("ATE0", "ATE0\r\n"+ok)
	})
}

// A look at an empty UART takes a microsecond, so that who polls comes to an end.
func TestPollingTakesTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := New(Config{Clock: clock.Virtual()})
		defer c.Close()
		start := time.Now()
		n := 0
		for c.UART().Buffered() == 0 {
			n++
		}
		if d := time.Since(start); d < DefaultTiming().Boot || n < 400_000 {
			t.Errorf("something came after %v and %d looks", d, n)
		}
	})
}

func TestClosedUART(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := New(Config{Clock: clock.Virtual()})
		got := make(chan error, 1)
		go func() {
			_, err := io.Copy(io.Discard, c.UART())
			got <- err
		}()
		time.Sleep(time.Second)
		c.UART().Close()
		if err := <-got; err != nil {
			t.Errorf("Read ended with %v", err)
		}
		if _, err := c.UART().Write([]byte("AT\r\n")); err != io.ErrClosedPipe {
			t.Errorf("Write: %v", err)
		}
		c.Close()
		c.Restart() // does nothing
	})
}

// On the free-running clock nothing takes time and nothing is lost.
func TestFreeClock(t *testing.T) {
	c := New(Config{})
	defer c.Close()
	u := c.UART()
	read := func(want string) {
		t.Helper()
		p := make([]byte, len(want))
		if _, err := io.ReadFull(u, p); err != nil || string(p) != want {
			t.Fatalf("%q, %v, want %q", p, err, want)
		}
	}
	read("\r\nready\r\n")
	u.Write([]byte("ATE0\r\n"))
	read("ATE0\r\n" + ok)
	for range 100 {
		u.Write([]byte("AT+GMR\r\n"))
		read(strings.Join(lookupDialect("").gmr, "\r\n") + "\r\n" + ok)
	}
	if l := c.Ledger(); l.LostIn != 0 || l.LostOut != 0 || l.Commands != 101 {
		t.Errorf("%+v", l)
	}
}
