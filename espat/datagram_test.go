//go:build go1.25

package espat

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"tinynet/netdev"
)

func TestDatagramsKeepTheirSizeAndSource(t *testing.T) {
	everywhere(t, func(t *testing.T, d *Device, m *fakeModule) {
		fd, link := bound(t, d, 5000)
		buf := make([]byte, 2000)
		for i := range 4 {
			from := fmt.Sprintf("10.0.0.%d:60%02d", i+5, i)
			want := strings.Repeat("0123456789", 1+i*40)
			m.datagram(link, from, want)
			n, peer, err := d.RecvFrom(fd, buf, 0, time.Now().Add(time.Second))
			if err != nil || peer.String() != from || string(buf[:n]) != want {
				t.Errorf("received %d bytes from %v, %v; want %d from %s", n, peer, err, len(want), from)
			}
			n, err = d.SendTo(fd, []byte(want), 0, peer, forever)
			if err != nil || n != len(want) {
				t.Error(n, err)
			}
			m.do(func() {
				if got := m.datagrams[i]; got != from+" "+want {
					t.Errorf("sent %q", got)
				}
			})
		}
		// One that is longer than the buffer loses its end, and nothing else.
		m.datagram(link, "10.0.0.1:1", "0123456789")
		n, _, err := d.RecvFrom(fd, buf[:4], 0, time.Now().Add(time.Second))
		if err != nil || string(buf[:n]) != "0123" {
			t.Errorf("received %q, %v", buf[:n], err)
		}
		m.datagram(link, "10.0.0.1:2", "next")
		n, from, err := d.RecvFrom(fd, buf, 0, time.Now().Add(time.Second))
		if err != nil || string(buf[:n]) != "next" || from.Port() != 2 {
			t.Errorf("received %q from %v, %v", buf[:n], from, err)
		}
	})
}

// Datagrams that come faster than they are read stay apart where the module sends
// them one by one.
func TestDatagramsStayApart(t *testing.T) {
	for _, v := range []string{"1.7.4.0", "2.0.0.0 - ESP32", newest} {
		t.Run(v, func(t *testing.T) {
			bubble(t, v, func(t *testing.T, d *Device, m *fakeModule) {
				fd, link := bound(t, d, 5000)
				fd2, link2 := bound(t, d, 5001)
				for i := range 5 {
					m.datagram(link, "10.0.0.1:7", strings.Repeat("x", 10+i))
					m.datagram(link2, "10.0.0.1:8", strings.Repeat("y", 20+i))
				}
				buf := make([]byte, 100)
				for i := range 5 {
					n, _, err := d.RecvFrom(fd, buf, 0, time.Now().Add(time.Second))
					if err != nil || n != 10+i {
						t.Errorf("received %d bytes, %v; want %d", n, err, 10+i)
					}
				}
				for i := range 5 {
					n, _, err := d.RecvFrom(fd2, buf, 0, time.Now().Add(time.Second))
					if err != nil || n != 20+i {
						t.Errorf("received %d bytes, %v; want %d", n, err, 20+i)
					}
				}
			})
		})
	}
}

// Where it keeps them, one that comes before the last was read does.
func TestTwoDatagramsStayApart(t *testing.T) {
	everywhere(t, func(t *testing.T, d *Device, m *fakeModule) {
		fd, link := bound(t, d, 5000)
		buf := make([]byte, 2000)
		for i := range 5 {
			m.datagram(link, "10.0.0.1:7", strings.Repeat("x", 10+i))
			m.datagram(link, "10.0.0.2:8", strings.Repeat("y", 20+i))
			for j, want := range []int{10 + i, 20 + i} {
				n, from, err := d.RecvFrom(fd, buf, 0, time.Now().Add(time.Second))
				if err != nil || n != want || int(from.Port()) != 7+j {
					t.Errorf("received %d bytes from %v, %v; want %d", n, from, err, want)
				}
			}
		}
	})
}

func TestDatagramsBeyondTheBufferAreLost(t *testing.T) {
	bubble(t, newest, func(t *testing.T, d *Device, m *fakeModule) {
		fd, link := bound(t, d, 5000)
		tcp, tcpLink := dialed(t, d)
		for range 10 {
			m.datagram(link, "10.0.0.1:7", strings.Repeat("x", 1000))
		}
		m.arrive(tcpLink, "a stream is not disturbed")
		if got := recv(t, d, tcp, 25); got != "a stream is not disturbed" {
			t.Errorf("received %q", got)
		}
		n, buf := 0, make([]byte, 2000)
		for {
			k, _, err := d.RecvFrom(fd, buf, 0, time.Now().Add(time.Second))
			if err != nil {
				is(t, err, netdev.ErrTimeout)
				break
			}
			if n++; k != 1000 {
				t.Errorf("received %d bytes", k)
			}
		}
		if n != 3 {
			t.Errorf("%d datagrams of 1000 bytes in a buffer of 3072", n)
		}
	})
}

func TestDatagramPortInUse(t *testing.T) {
	bubble(t, newest, func(t *testing.T, d *Device, m *fakeModule) {
		bound(t, d, 5000)
		fd := socket(t, d, netdev.SOCK_DGRAM, netdev.IPPROTO_UDP)
		is(t, d.Bind(fd, ap("0.0.0.0:5000")), netdev.ErrAddrInUse)
		m.do(func() { m.links[0] = fakeLink{open: true, typ: "UDP", lport: 5001} }) // the module's own
		is(t, d.Bind(fd, ap("0.0.0.0:5001")), netdev.ErrAddrInUse)
		ok(t, d.Bind(fd, ap("0.0.0.0:0")))
		a, err := d.LocalAddr(fd)
		if err != nil || a.Port() < 49152 {
			t.Error(a, err)
		}
	})
}

func TestUnboundDatagramSocketSends(t *testing.T) {
	everywhere(t, func(t *testing.T, d *Device, m *fakeModule) {
		fd := socket(t, d, netdev.SOCK_DGRAM, netdev.IPPROTO_UDP)
		ok(t, d.Connect(fd, "", ap("10.0.0.9:53")))
		send(t, d, fd, "question")
		link := linkOf(d, fd)
		m.datagram(link, "10.0.0.9:53", "answer")
		if got := recv(t, d, fd, 6); got != "answer" {
			t.Errorf("received %q", got)
		}
		m.do(func() {
			if len(m.datagrams) != 1 || m.datagrams[0] != "10.0.0.9:53 question" {
				t.Errorf("sent %q", m.datagrams)
			}
		})
	})
}

func TestDatagramLimits(t *testing.T) {
	bubble(t, newest, func(t *testing.T, d *Device, m *fakeModule) {
		fd, _ := bound(t, d, 5000)
		_, err := d.SendTo(fd, make([]byte, 1473), 0, ap("10.0.0.1:1"), forever)
		is(t, err, netdev.ErrMsgSize)
		_, err = d.SendTo(fd, nil, 0, ap("10.0.0.1:1"), forever)
		is(t, err, netdev.ErrNotSupported)
		if n, err := d.SendTo(fd, make([]byte, 1472), 0, ap("10.0.0.1:1"), forever); err != nil || n != 1472 {
			t.Error(n, err)
		}
	})
}

// A link that carried datagrams, which the module pushes, holds back a stream again.
func TestLinkOfDatagramsIsPassiveAgain(t *testing.T) {
	bubble(t, newest, func(t *testing.T, d *Device, m *fakeModule) {
		for range 5 {
			fd, _ := bound(t, d, 5000)
			ok(t, d.Close(fd))
		}
		for range 5 {
			_, link := dialed(t, d)
			m.do(func() {
				if !m.passive[link] {
					t.Errorf("link %d pushes", link)
				}
			})
		}
	})
}

func TestJoinGroup(t *testing.T) {
	everywhere(t, func(t *testing.T, d *Device, m *fakeModule) {
		fd, _ := bound(t, d, 5353)
		group := ap("224.0.0.251:5353").Addr()
		ok(t, d.JoinGroup(fd, group, 0))
		link := linkOf(d, fd)
		m.do(func() {
			if l := m.links[link]; l.peer.Addr() != group || l.lport != 5353 {
				t.Errorf("link to %v from port %d", l.peer, l.lport)
			}
			open := 0
			for _, l := range m.links {
				open += one(l.open)
			}
			if open != 1 {
				t.Errorf("%d links are open", open)
			}
		})
		m.datagram(link, "10.0.0.7:5353", "query")
		if got := recv(t, d, fd, 5); got != "query" {
			t.Errorf("received %q", got)
		}
		is(t, d.JoinGroup(fd, group, 0), netdev.ErrNotSupported)
		is(t, d.JoinGroup(fd, ap("10.0.0.1:1").Addr(), 0), netdev.ErrMalAddr)
		tcp, _ := dialed(t, d)
		is(t, d.JoinGroup(tcp, group, 0), netdev.ErrNotSupported)
	})
}
