//go:build go1.25

package espat

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"tinynet/netdev"
)

// A byte that the wire doubles in what is sent makes the module answer the last one
// by "busy": what the peer got is wrong, and the connection fails.
func TestSurplusByteInSentData(t *testing.T) {
	everywhere(t, func(t *testing.T, d *Device, m *fakeModule) {
		fd, _ := dialed(t, d)
		other, otherLink := dialed(t, d)
		m.do(func() {
			m.onSend = func(link int, data []byte) bool {
				m.onSend = nil
				m.out("\r\nbusy p...\r\n")
				return false
			}
		})
		d.Send(fd, []byte("hello"), 0, forever)
		time.Sleep(20 * time.Millisecond)
		_, err := d.Send(fd, []byte("world"), 0, forever)
		is(t, err, netdev.ErrConnReset)
		send(t, d, other, "hello")
		if got := m.got(otherLink); got != "hello" {
			t.Errorf("the other peer got %q", got)
		}
	})
}

// A head that is damaged hides whose data were pushed: no stream goes on as if nothing
// had been lost. A message that is merely unknown ends none.
func TestDamagedHeadOfPushedData(t *testing.T) {
	for _, tt := range []struct {
		line  string
		fails bool
	}{
		{"\r\nIPD,0,5:hello\r\n", true}, {"\r\n+IPD0,5:hello\r\n", true}, {"\r\n+IPD,,5:hello\r\n", true},
		{"\r\n+IPD,0,5hello\r\n", true}, {"\r\n+PD,0,5:hello\r\n", true}, {"\r\n+IPD,05:hello\r\n", true},
		{"link is not valid\r\n", false}, {"\r\n+NEWS:1\r\n", false}, {"no ip\r\n", false}, {"\r\n\r\n", false},
	} {
		t.Run(strings.TrimSpace(tt.line), func(t *testing.T) {
			alone(t, "1.7.4.0", func(c *Config) { c.Active = true }, func(t *testing.T, d *Device, m *fakeModule) {
				ok(t, d.NetConnect())
				fd, link := dialed(t, d)
				m.say(tt.line)
				time.Sleep(10 * time.Millisecond)
				m.arrive(link, "world")
				_, err := d.Recv(fd, make([]byte, 20), 0, time.Now().Add(time.Second))
				if tt.fails {
					is(t, err, netdev.ErrConnReset)
				} else {
					ok(t, err)
				}
			})
		})
	}
}

// A message of the firmware's log right behind pushed data does them no harm, unless they
// have taken its beginning.
func TestLogBehindPushedData(t *testing.T) {
	for line, fails := range map[string]bool{"link is not\r\n": false, "ALREADY CONNECTED\r\n": false, "nk is not\r\n": true, "olink is not\r\n": true} {
		alone(t, "1.7.4.0", func(c *Config) { c.Active = true }, func(t *testing.T, d *Device, m *fakeModule) {
			ok(t, d.NetConnect())
			fd, _ := dialed(t, d)
			m.say("\r\n+IPD,4,5:hello" + line)
			buf := make([]byte, 20)
			n, err := d.Recv(fd, buf, 0, time.Now().Add(time.Second))
			if fails {
				is(t, err, netdev.ErrConnReset)
			} else if err != nil || string(buf[:n]) != "hello" {
				t.Errorf("then %q: received %q, %v", line, buf[:n], err)
			}
		})
	}
}

// Data that wait for room, of a socket that is then closed, are not the next socket's.
func TestDataOfAClosedSocketReachNoOther(t *testing.T) {
	alone(t, "1.7.4.0", func(c *Config) { c.Active, c.Buffer = true, 64 }, func(t *testing.T, d *Device, m *fakeModule) {
		ok(t, d.NetConnect())
		fd, link := dialed(t, d)
		m.say(fmt.Sprintf("\r\n+IPD,%d,40:%040d\r\n+IPD,%d,5:stale", link, 0, link))
		time.Sleep(10 * time.Millisecond)
		ok(t, d.Close(fd))
		fd, link = dialed(t, d)
		m.say(fmt.Sprintf("\r\n+IPD,%d,5:fresh", link))
		buf := make([]byte, 20)
		n, err := d.Recv(fd, buf, 0, time.Now().Add(time.Second))
		if err != nil || string(buf[:n]) != "fresh" {
			t.Errorf("received %q, %v", buf[:n], err)
		}
	})
}

// A byte too many behind pushed data shows that one of them was doubled, before they are
// received, whatever byte it is and whatever follows.
func TestDoubledByteInPushedData(t *testing.T) {
	for b := range 256 {
		for _, then := range []string{"", "\r\nOK\r\n", "\r\n+IPD,0,1:x"} {
			alone(t, "1.7.4.0", func(c *Config) { c.Active = true }, func(t *testing.T, d *Device, m *fakeModule) {
				ok(t, d.NetConnect())
				fd, _ := dialed(t, d)
				m.say("\r\n+IPD,4,5:hhell" + string([]byte{byte(b)}) + then)
				buf := make([]byte, 20)
				n, err := d.Recv(fd, buf, 0, time.Now().Add(2*time.Second))
				if n != 0 || err == nil {
					t.Errorf("%q, then %q: received %q, %v", rune(b), then, buf[:n], err)
				}
			})
		}
	}
}

// After the answer to CIPDINFO=1 is lost the module names the sender of whatever it is asked
// for, or does not: streams are read all the same.
func TestLostAnswerToCIPDINFO(t *testing.T) {
	for _, on := range []bool{false, true} {
		alone(t, newest, nil, func(t *testing.T, d *Device, m *fakeModule) {
			ok(t, d.NetConnect())
			m.do(func() {
				m.replies["AT+CIPDINFO=1"] = ""
				m.dinfo = on
			})
			dg, err := d.Socket(netdev.AF_INET, netdev.SOCK_DGRAM, netdev.IPPROTO_UDP)
			ok(t, err)
			if err := d.Bind(dg, ap("0.0.0.0:5000")); err == nil {
				t.Fatal("Bind succeeded without an answer")
			}
			m.do(func() { delete(m.replies, "AT+CIPDINFO=1") })
			fd, link := dialed(t, d)
			m.arrive(link, "hello")
			buf := make([]byte, 20)
			n, err := d.Recv(fd, buf, 0, time.Now().Add(time.Minute))
			if err != nil || string(buf[:n]) != "hello" {
				t.Errorf("sender named: %v: received %q, %v", on, buf[:n], err)
			}
		})
	}
}

// Where the module has understood something else, and does not name the sender although the
// driver was told so, one read fails, and those after it do not.
func TestMisreadCIPDINFO(t *testing.T) {
	alone(t, newest, nil, func(t *testing.T, d *Device, m *fakeModule) {
		ok(t, d.NetConnect())
		dg, err := d.Socket(netdev.AF_INET, netdev.SOCK_DGRAM, netdev.IPPROTO_UDP)
		ok(t, err)
		ok(t, d.Bind(dg, ap("0.0.0.0:5000")))
		m.do(func() { m.dinfo = false })
		buf := make([]byte, 20)
		fd, link := dialed(t, d)
		m.arrive(link, "hello")
		if n, err := d.Recv(fd, buf, 0, time.Now().Add(time.Minute)); err == nil {
			t.Errorf("received %q without a sender", buf[:n])
		}
		ok(t, d.Close(fd))
		fd, link = dialed(t, d)
		m.arrive(link, "hello")
		n, err := d.Recv(fd, buf, 0, time.Now().Add(time.Minute))
		if err != nil || string(buf[:n]) != "hello" {
			t.Errorf("received %q, %v", buf[:n], err)
		}
	})
}

// A server whose start had no answer does not run on without a listener.
func TestLostAnswerToCIPSERVER(t *testing.T) {
	alone(t, newest, nil, func(t *testing.T, d *Device, m *fakeModule) {
		ok(t, d.NetConnect())
		m.do(func() {
			m.replies["AT+CIPSERVER=1,80"] = ""
			m.server = 80
		})
		fd, err := d.Socket(netdev.AF_INET, netdev.SOCK_STREAM, netdev.IPPROTO_TCP)
		ok(t, err)
		ok(t, d.Bind(fd, ap("0.0.0.0:80")))
		if d.Listen(fd, 1) == nil {
			t.Fatal("Listen succeeded without an answer")
		}
		ok(t, d.Close(fd))
		dialed(t, d)
		m.do(func() {
			if m.server != 0 {
				t.Error("the server runs")
			}
		})
	})
}
