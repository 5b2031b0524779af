package espat

import (
	"crypto/tls"
	"strings"
	"testing"
	"time"
)

// Each oddity of the wire, once.
func TestOddities(t *testing.T) {
	connected := func(r *rig) {
		r.join()
		l := r.listen(80)
		r.do(`AT+CIPSTART="TCP","10.0.0.1",80`, "CONNECT\r\n"+ok)
		l.accept()
	}
	send := "\r\nOK\r\n\r\n>"
	for o, test := range map[Oddity]func(r *rig){
		OddBusy: func(r *rig) { r.do("AT", "\r\nbusy p...\r\n"); r.do("AT", ok) },
		OddNoSendOK: func(r *rig) {
			r.do("AT+CIPSEND=2", send)
			r.send("hi")
			r.expect("\r\nRecv 2 bytes\r\n")
			r.quiet()
			r.do("AT", ok)
		},
		OddFailThenOK: func(r *rig) {
			r.do("AT+CIPSEND=2", send)
			r.send("hi")
			r.expect("\r\nRecv 2 bytes\r\n\r\nSEND FAIL\r\n" + sent)
		},
		OddEarlyPrompt: func(r *rig) {
			r.do("AT+CIPSEND=2", "\r\n>\r\nOK\r\n")
			r.send("hi")
			r.expect("\r\nRecv 2 bytes\r\n" + sent)
		},
		OddLateClosed: func(r *rig) {
			r.do("AT+CIPCLOSE", "CLOSED\r\n"+ok)
			r.do(`AT+CIPSTART="TCP","10.0.0.1",81`, bad+"CLOSED\r\n")
		},
		OddStray: func(r *rig) { r.do("AT", "\r\n+ODDITY:0\r\n"+ok) },
		OddReboot: func(r *rig) {
			r.do("AT", "\r\nready\r\n")
			r.expect("WIFI CONNECTED\r\nWIFI GOT IP\r\n")
			r.do("AT", "AT\r\n"+ok)
		},
		OddNoEnd: func(r *rig) {
			r.send("AT\r\n")
			r.quiet()
			r.do("AT+RST", "\r\nWill force to restart!!!\r\n\r\nready\r\nWIFI CONNECTED\r\nWIFI GOT IP\r\n")
		},
	} {
		t.Run(o.String(), func(t *testing.T) {
			virtually(t, Config{}, func(r *rig) {
				connected(r)
				r.c.Inject(o)
				test(r)
				if n := r.c.Happened(o); n != 1 {
					t.Errorf("it happened %d times", n)
				}
			})
		})
	}
}

func TestParseOddities(t *testing.T) {
	o, err := ParseOddities("every=20 kinds=busy,reboot")
	if err != nil || o.String() != "every=20 kinds=busy,reboot" {
		t.Errorf("%v, %v", o, err)
	}
	for _, bad := range []string{"", "every=0 kinds=busy", "every=2", "every=2 kinds=x", "x=1", "every=x kinds=busy"} {
		if _, err := ParseOddities(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

// Whatever line comes, the parser returns, and params stay within the line.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"AT", `AT+CWJAP="a\,b","c\"d",,3`, "AT+CIPSTART=0,\"TCP\",\"x\",80,,", "AT+X=?", `AT+X="\`, "AT+X=-"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, line string) {
		r, bad := parse(line)
		n := 0
		for _, p := range r.params {
			n += len(p.text)
		}
		if n > len(line) || len(r.params) > len(line) || bad == 0 && r.form == 0 {
			t.Errorf("%q: %+v, %#x", line, r, bad)
		}
	})
}

// Whatever the host sends, the module goes on: AT+RST brings it back.
func FuzzModule(f *testing.F) {
	f.Add([]byte("AT+CIPMUX=1\r\nAT+CWMODE=3\r\n"))
	f.Add([]byte("AT+CWMODE=1\r\nAT+CWJAP=\"a\",\"\"\r\nAT+CIPSTART=\"UDP\",\"10.0.0.1\",9\r\nAT+CIPSEND=3\r\n+++"))
	f.Fuzz(func(t *testing.T, p []byte) {
		for _, v := range Versions() {
			c := New(Config{Version: v})
			c.UART().Write(p)
			c.Close()
		}
	})
}

// What came in waits for a command, and is said right before its result; without one it
// waits no longer than 200 ms.
func TestHeldIPD(t *testing.T) {
	virtually(t, Config{}, func(r *rig) {
		peer := r.connected()
		r.c.Inject(OddHeldIPD)
		peer.Write([]byte("hi"))
		time.Sleep(100 * time.Millisecond)
		r.do("AT+CIPMUX?", "+CIPMUX:0\r\n\r\n+IPD,2:hi"+ok)
		r.c.Inject(OddHeldIPD)
		start := time.Now()
		peer.Write([]byte("ho"))
		r.expect("\r\n+IPD,2:ho")
		if d := time.Since(start); d < 200*time.Millisecond || d > 200*time.Millisecond+2*rtt {
			t.Errorf("it was held for %v", d)
		}
		r.c.Inject(OddHeldIPD)
		peer.Close()
		time.Sleep(100 * time.Millisecond)
		r.do("AT", "CLOSED\r\n"+ok)
		if n := r.c.Happened(OddHeldIPD); n != 3 {
			t.Errorf("it happened %d times", n)
		}
	})
}

// The module restarts within a payload: part of it comes, and then nothing but ready.
func TestTornPayload(t *testing.T) {
	for _, passive := range []bool{false, true} {
		for seed := range uint64(5) {
			virtually(t, Config{Seed: seed}, func(r *rig) {
				peer := r.connected()
				if passive {
					r.do("AT+CIPRECVMODE=1", ok)
				}
				r.c.Inject(OddTornPayload)
				peer.Write(payload(1000))
				head := "\r\n+IPD,1000:"
				if passive {
					r.expect("\r\n+IPD,1000\r\n")
					r.send("AT+CIPRECVDATA=1000\r\n")
					head = "+CIPRECVDATA:1000,"
				} else {
					time.Sleep(4 * time.Millisecond)
					r.send("AT+CIPMUX?\r\n") // its answer never comes
				}
				r.expect(head)
				got := strings.TrimSuffix(r.until("\r\nready\r\n"), "\r\nready\r\n")
				if len(got) >= 1000 || !strings.HasPrefix(string(payload(1000)), got) {
					t.Errorf("seed %d: of the payload came %q", seed, got)
				}
				r.expect("WIFI CONNECTED\r\nWIFI GOT IP\r\n")
				r.do("AT", "AT\r\n"+ok)
				if n := r.c.Happened(OddTornPayload); n != 1 {
					t.Errorf("it happened %d times", n)
				}
			})
		}
	}
}

// SSL announces more than comes, in the active mode; the rest never does.
func TestSSLLength(t *testing.T) {
	cert, _ := certificate(t, "example.com")
	virtually(t, Config{}, func(r *rig) {
		names := r.answer(443, &tls.Config{Certificates: []tls.Certificate{cert}})
		r.join()
		r.do(`AT+CIPSTART="SSL","example.com",443`, "CONNECT\r\n"+ok)
		<-names
		for _, announced := range []int{5 + sslOverhead, 5} {
			if announced > 5 {
				r.c.Inject(OddSSLLength)
			}
			r.do("AT+CIPSEND=5", prompt)
			r.send("hello")
			r.expect("\r\nRecv 5 bytes\r\n" + sent + "\r\n+IPD," + itoa(announced) + ":hello")
			r.quiet()
			r.do("AT", ok)
		}
		if n := r.c.Happened(OddSSLLength); n != 1 {
			t.Errorf("it happened %d times", n)
		}
	})
}

// Each kind is drawn by its seed: the same the same, another another.
func TestOdditiesBySeed(t *testing.T) {
	run := func(seed uint64) (log string) {
		virtually(t, Config{}, func(r *rig) {
			c := New(Config{Clock: r.c.clk, Seed: seed, Oddities: Oddities{Every: 4, Kinds: []Oddity{OddBusy, OddStray}}})
			defer c.Close()
			time.Sleep(time.Second)
			buf := make([]byte, 1000)
			for range 40 {
				c.UART().Write([]byte("AT\r\n"))
				time.Sleep(50 * time.Millisecond)
				n, _ := c.UART().Read(buf)
				log += string(buf[:n])
			}
		})
		return log
	}
	one := run(1)
	if run(1) != one {
		t.Error("the same seed did something else")
	}
	if run(2) == one {
		t.Error("another seed did the same")
	}
	for _, s := range []string{"busy p...", "+ODDITY"} {
		if n := strings.Count(one, s); n < 3 || n > 20 {
			t.Errorf("%q %d times of 40", s, n)
		}
	}
}
