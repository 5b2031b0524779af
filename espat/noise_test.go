//go:build go1.25

package espat

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"tinynet/netdev"
)

// Bytes that are lost or doubled on the wire from the module: whatever is received is
// the beginning of what was sent, both ways, and the driver is of use afterwards. Of
// data that are pushed a doubled byte shows only when the next line comes, and they
// may be received by then; so there only bytes are lost.
func TestLostAndDoubledBytes(t *testing.T) {
	seeds := 24
	if testing.Short() {
		seeds = 10
	}
	for _, v := range []string{"1.7.4.0", "2.2.1.0 - ESP8266", newest} {
		failed := 0
		for seed := range seeds {
			active := seed%4 == 3
			t.Run(fmt.Sprint(v[:3], " seed ", seed), func(t *testing.T) {
				alone(t, v, func(c *Config) { c.WatchdogTimeout = time.Second; c.Active = active }, func(t *testing.T, d *Device, m *fakeModule) {
					ok(t, d.NetConnect())
					r := rand.New(rand.NewPCG(7, uint64(seed)))
					m.do(func() {
						spare := 0 // two faults side by side can make up for each other
						m.noise = func(s string) string {
							if spare--; len(s) == 0 || spare > 0 || r.IntN(6) != 0 {
								return s
							}
							spare = 3
							i := r.IntN(len(s))
							if r.IntN(2) == 0 || active {
								return s[:i] + s[i+1:]
							}
							return s[:i+1] + s[i:]
						}
					})
					want := pattern(4000)
					for range 10 {
						fd, err := d.Socket(netdev.AF_INET, netdev.SOCK_STREAM, netdev.IPPROTO_TCP)
						if err != nil {
							time.Sleep(10 * time.Second)
							continue
						}
						soon := time.Now().Add(30 * time.Second)
						d.SetWriteDeadline(fd, soon)
						if d.Connect(fd, "", ap("10.0.0.1:80")) != nil {
							d.Close(fd)
							continue
						}
						link := linkOf(d, fd)
						sent, got := 0, []byte(nil)
						buf := make([]byte, 700)
						for i := 0; i < 5 && link >= 0; i++ {
							n, err := d.Send(fd, want[sent:sent+300], 0, soon)
							sent += n
							if err == nil {
								m.do(func() {
									if m.links[link].open {
										m.receive(link, ap("10.0.0.1:80"), string(want[i*500:i*500+500]))
									}
								})
								n, err = d.Recv(fd, buf, 0, soon)
								got = append(got, buf[:n]...)
							}
							if err != nil {
								failed++
								break
							}
						}
						m.do(func() {
							if !bytes.HasPrefix(want, got) {
								at := 0
								for at < len(got) && got[at] == want[at] {
									at++
								}
								t.Errorf("received %d bytes, of which those from %d on were not sent: %.40q, not %.40q", len(got), at, got[at:], want[at:])
							}
							if link >= 0 && m.links[link].open && !bytes.HasPrefix(want, m.delivered[link]) {
								t.Errorf("the peer got %d bytes that were not sent", len(m.delivered[link]))
							}
						})
						d.Close(fd)
					}
					m.do(func() { m.noise = nil })
					time.Sleep(time.Minute)
					fd, link := dialed(t, d)
					send(t, d, fd, "hello")
					if got := m.got(link); got != "hello" {
						t.Errorf("the peer got %q", got)
					}
				})
			})
		}
		if failed == 0 {
			t.Errorf("%s: the noise did no harm", v)
		}
	}
}
