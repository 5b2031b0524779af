//go:build go1.25

package espat

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// A transfer with a module that is never the slower one, at 97 % of what the wire and
// the module's millisecond for each command allow.
func TestSpeed(t *testing.T) {
	const size = 256 << 10
	for _, v := range []string{"2.2.1.0 - ESP8266", newest} {
		for _, baud := range []int{115200, 921600, 2000000} {
			t.Run(fmt.Sprint(v[:7], " ", baud), func(t *testing.T) {
				bubble(t, v, func(t *testing.T, d *Device, m *fakeModule) {
					m.do(func() { m.bps = baud })
					d.chip().eng.Take()
					d.chip().baud = uint32(baud)
					d.chip().eng.Give()
					fd, link := dialed(t, d)
					// perCommand is what an exchange takes for n bytes of data and as many others.
					perCommand := func(n, others int, module time.Duration) time.Duration {
						return m.byteTime(n+others) + module
					}

					chunk := 5760
					left := size
					m.do(func() {
						m.refill = func(l *fakeLink) {
							n := min(left, 5760-len(l.in))
							l.in = append(l.in, make([]byte, n)...)
							left -= n
						}
						m.refill(&m.links[link])
						m.notice(link)
					})
					buf := make([]byte, 8192)
					start := time.Now()
					for n := 0; n < size; {
						k, err := d.Recv(fd, buf, 0, time.Now().Add(time.Minute))
						ok(t, err)
						n += k
					}
					took := time.Since(start)
					others := len("AT+CIPRECVDATA=0,5760\r\n+CIPRECVDATA:5760,\r\nOK\r\n")
					bound := time.Duration(size/chunk) * perCommand(chunk, others, time.Millisecond)
					report(t, "download", took, bound, size)

					if m.esp8266 {
						chunk = 2048
					}
					start = time.Now()
					data := make([]byte, size)
					if n, err := d.Send(fd, data, 0, forever); n != size || err != nil {
						t.Fatal(n, err)
					}
					took = time.Since(start)
					others = len("AT+CIPSEND=0,5760\r\n\r\nOK\r\n\r\n>\r\nRecv 5760 bytes\r\n\r\nSEND OK\r\n")
					bound = time.Duration(size/chunk) * perCommand(chunk, others, 2*time.Millisecond)
					report(t, "upload", took, bound, size)
				})
			})
		}
	}
}

func report(t *testing.T, what string, took, bound time.Duration, size int) {
	t.Helper()
	share := float64(bound) / float64(took)
	t.Logf("%s: %.1f kB/s, %.1f %% of the bound", what, float64(size)/1000/took.Seconds(), 100*share)
	if share < 0.97 {
		t.Errorf("%s took %v, and %v is possible", what, took, bound)
	}
}

// A small message comes back at most 2 ms after the wire and the module are done with
// it, right after the last and after a pause.
func TestEchoDelay(t *testing.T) {
	bubble(t, newest, func(t *testing.T, d *Device, m *fakeModule) {
		m.do(func() { m.bps = 921600 })
		d.chip().eng.Take()
		d.chip().baud = 921600
		d.chip().eng.Give()
		fd, link := dialed(t, d)
		msg := strings.Repeat("x", 64)
		for _, pause := range []time.Duration{0, 0, 0, 50 * time.Millisecond, time.Second, time.Minute} {
			time.Sleep(pause)
			m.do(func() {
				m.onSend = func(l int, data []byte) bool {
					m.out("\r\nRecv 64 bytes\r\n")
					m.after(time.Millisecond, func() {
						m.running--
						m.out("\r\nSEND OK\r\n")
						m.receive(link, ap("10.0.0.1:80"), string(data))
					})
					return true
				}
			})
			start := time.Now()
			send(t, d, fd, msg)
			if got := recv(t, d, fd, 64); got != msg {
				t.Fatalf("received %q", got)
			}
			wire := m.byteTime(64*2 + len("AT+CIPSEND=4,64\r\n\r\nOK\r\n\r\n>\r\nRecv 64 bytes\r\n\r\nSEND OK\r\n\r\n+IPD,4,64\r\nAT+CIPRECVDATA=4,4096\r\n+CIPRECVDATA:64,\r\nOK\r\n"))
			if took := time.Since(start) - wire - 3*time.Millisecond; took > 2*time.Millisecond {
				t.Errorf("after %v: %v more than wire and module", pause, took)
			} else {
				t.Logf("after %v: %v more than wire and module", pause, took)
			}
		}
	})
}
