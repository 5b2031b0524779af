//go:build go1.25

package espat

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"tinynet/netdev"
)

func pattern(n int) []byte {
	r := rand.New(rand.NewPCG(1, uint64(n)))
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(r.Uint32())
	}
	return p
}

func TestLargeTransfers(t *testing.T) {
	everywhere(t, func(t *testing.T, d *Device, m *fakeModule) {
		fd, link := dialed(t, d)
		want := pattern(50000)
		n, err := d.Send(fd, want, 0, forever)
		if err != nil || n != len(want) {
			t.Fatal(n, err)
		}
		if got := m.got(link); got != string(want) {
			t.Error("the peer got something else")
		}
		go func() {
			for p := want; len(p) > 0; {
				n := min(len(p), 1440)
				m.do(func() {
					if len(m.links[link].in) < 5760 {
						m.receive(link, ap("10.0.0.1:80"), string(p[:n]))
						p = p[n:]
					}
				})
				time.Sleep(time.Millisecond)
			}
			m.hangup(link)
		}()
		if got := recv(t, d, fd, len(want)+1); got != string(want) {
			t.Errorf("received %d bytes, not the %d that were sent", len(got), len(want))
		}
	})
}

func TestRefusedConnection(t *testing.T) {
	everywhere(t, func(t *testing.T, d *Device, m *fakeModule) {
		m.do(func() { m.refuse = true })
		for range 12 { // and no link is lost by it
			fd := stream(t, d)
			is(t, d.Connect(fd, "", ap("10.0.0.1:80")), netdev.ErrConnRefused)
			ok(t, d.Close(fd))
		}
		m.do(func() { m.refuse = false })
		dialed(t, d)
	})
}

func TestDialToASilentPeer(t *testing.T) {
	bubble(t, newest, func(t *testing.T, d *Device, m *fakeModule) {
		other, otherLink := dialed(t, d)
		m.do(func() { m.dialTime = 18 * time.Second })
		fd := stream(t, d)
		start := time.Now()
		ok(t, d.SetWriteDeadline(fd, start.Add(2*time.Second)))
		is(t, d.Connect(fd, "", ap("10.0.0.99:80")), netdev.ErrTimeout)
		if took := time.Since(start); took < 2*time.Second || took > 2100*time.Millisecond {
			t.Errorf("the deadline of 2 s took %v", took)
		}
		start = time.Now()
		ok(t, d.Close(fd))
		if took := time.Since(start); took > 100*time.Millisecond {
			t.Errorf("Close took %v", took)
		}
		// The module does nothing else until it has given up, or connected after all;
		// that link is nobody's.
		m.arrive(otherLink, "waiting")
		if got := recv(t, d, other, 7); got != "waiting" {
			t.Errorf("received %q", got)
		}
		time.Sleep(time.Second)
		m.do(func() {
			open := 0
			for _, l := range m.links {
				open += one(l.open)
			}
			if open != 1 {
				t.Errorf("%d links are open", open)
			}
		})
	})
}

func TestDeadlinesWhileTheModuleIsOccupied(t *testing.T) {
	bubble(t, newest, func(t *testing.T, d *Device, m *fakeModule) {
		other, _ := dialed(t, d)
		m.do(func() { m.lost = true })
		fd := stream(t, d)
		go d.Connect(fd, "", ap("10.0.0.99:80"))
		time.Sleep(time.Second)
		for name, f := range map[string]func(time.Time) error{
			"Recv":       func(at time.Time) error { _, err := d.Recv(other, make([]byte, 1), 0, at); return err },
			"Send":       func(at time.Time) error { _, err := d.Send(other, []byte("x"), 0, at); return err },
			"LookupHost": func(at time.Time) error { _, err := d.LookupHost("ip", "host", at); return err },
		} {
			start := time.Now()
			err := f(start.Add(500 * time.Millisecond))
			if took := time.Since(start); !errors.Is(err, netdev.ErrTimeout) || took > 600*time.Millisecond {
				t.Errorf("%s: %v after %v", name, err, took)
			}
		}
	})
}

// A command whose result is lost does not hold up everything until it is due.
func TestLostResultOfADial(t *testing.T) {
	bubble(t, newest, func(t *testing.T, d *Device, m *fakeModule) {
		m.do(func() {
			m.onCmd = func(cmd string) bool {
				if strings.HasPrefix(cmd, "AT+CIPSTART") {
					m.running-- // it is done with it
					m.onCmd = nil
					return true
				}
				return false
			}
		})
		start := time.Now()
		fd := stream(t, d)
		if err := d.Connect(fd, "", ap("10.0.0.1:80")); err == nil {
			t.Error("no error")
		}
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("it took %v", took)
		}
		ok(t, d.Close(fd))
		fd, link := dialed(t, d)
		send(t, d, fd, "hello")
		if got := m.got(link); got != "hello" {
			t.Errorf("the peer got %q", got)
		}
	})
}

// A command is asked after, and its result comes before the answer to that: the answer is
// none to the next command.
func TestResultBeforeTheAnswerToTheQuestion(t *testing.T) {
	bubble(t, newest, func(t *testing.T, d *Device, m *fakeModule) {
		dials := 0
		m.do(func() {
			m.onCmd = func(cmd string) bool {
				link, dial := strings.CutPrefix(cmd, "AT+CIPSTART=")
				switch {
				case dial && dials == 0:
					dials = int(link[0]-'0') + 1
				case dial:
					m.after(100*time.Millisecond, func() { m.out(error_) })
				case cmd == "AT+CIPMUX?":
					i := dials - 1
					m.links[i] = fakeLink{open: true, typ: "TCP", peer: ap("10.0.0.1:80")}
					m.out(m.connect(i) + "\r\nOK\r\n")
					m.after(5*time.Millisecond, func() { m.out("+CIPMUX:1\r\n\r\nOK\r\n") })
				default:
					return false
				}
				m.running--
				return true
			}
		})
		fd := stream(t, d)
		ok(t, d.Connect(fd, "", ap("10.0.0.1:80")))
		if err := d.Connect(stream(t, d), "", ap("10.0.0.1:81")); err == nil {
			t.Error("a connection was made that the module refused")
		}
	})
}

// takeNextLink lets a connection come in on the link that the next CIPSTART asks for.
func (m *fakeModule) takeNextLink() {
	m.do(func() {
		m.onCmd = func(cmd string) bool {
			if link, ok := strings.CutPrefix(cmd, "AT+CIPSTART="); ok {
				i := int(link[0] - '0')
				m.links[i] = fakeLink{open: true, typ: "TCP", server: true, peer: ap("10.0.0.7:1234"), lport: 80}
				m.out(m.connect(i))
				m.result(error_)
				m.onCmd = nil
				return true
			}
			return false
		}
	})
}

func TestLinkTakenByAnIncomingConnection(t *testing.T) {
	for _, v := range []string{"1.7.4.0", "2.1.0.0 - ESP32", newest} {
		t.Run(v, func(t *testing.T) {
			bubble(t, v, func(t *testing.T, d *Device, m *fakeModule) {
				l := listener(t, d, 80)
				m.takeNextLink()
				fd, link := dialed(t, d)
				conn, from, err := d.Accept(l)
				if err != nil || from != ap("10.0.0.7:1234") {
					t.Fatal(from, err)
				}
				send(t, d, fd, "client")
				send(t, d, conn, "server")
				if got := m.got(link); got != "client" {
					t.Errorf("the server got %q", got)
				}
				if got := m.got(linkOf(d, conn)); got != "server" {
					t.Errorf("the client got %q", got)
				}
				m.takeNextLink()
				dg, err := d.Socket(netdev.AF_INET, netdev.SOCK_DGRAM, netdev.IPPROTO_UDP)
				ok(t, err)
				if _, err := d.SendTo(dg, []byte("datagram"), 0, ap("10.0.0.5:9"), forever); err != nil {
					t.Errorf("SendTo: %v", err)
				}
			})
		})
	}
}

func TestCloseAndDeadlinesWakeBlockedCalls(t *testing.T) {
	bubble(t, newest, func(t *testing.T, d *Device, m *fakeModule) {
		l := listener(t, d, 80)
		fd, _ := dialed(t, d)
		errs := make(chan error, 2)
		go func() { _, _, err := d.Accept(l); errs <- err }()
		go func() { _, err := d.Recv(fd, make([]byte, 1), 0, forever); errs <- err }()
		time.Sleep(time.Second)
		ok(t, d.SetReadDeadline(fd, time.Now()))
		is(t, <-errs, netdev.ErrTimeout)
		ok(t, d.Close(l))
		is(t, <-errs, netdev.ErrInvalidSocketFd)
	})
}

func TestCloseDrainsWhatWasNotRead(t *testing.T) {
	bubble(t, newest, func(t *testing.T, d *Device, m *fakeModule) {
		fd, link := dialed(t, d)
		m.arrive(link, "unread")
		time.Sleep(10 * time.Millisecond)
		ok(t, d.Close(fd))
		m.do(func() {
			if n := len(m.commands); !strings.HasPrefix(m.commands[n-2], "AT+CIPRECVDATA") || m.commands[n-1] != fmt.Sprintf("AT+CIPCLOSE=%d", link) {
				t.Errorf("%q", m.commands[n-2:])
			}
		})
	})
}

func TestResetWithDataUnreadIsNotEOF(t *testing.T) {
	bubble(t, newest, func(t *testing.T, d *Device, m *fakeModule) {
		fd, link := dialed(t, d)
		m.do(func() {
			m.out(fmt.Sprintf("\r\n+IPD,%d,100\r\n%d,CLOSED\r\n", link, link)) // the data are gone
			m.links[link] = fakeLink{}
		})
		time.Sleep(10 * time.Millisecond)
		_, err := d.Recv(fd, make([]byte, 100), 0, forever)
		is(t, err, netdev.ErrConnReset)
	})
}

func TestLostNewsOfTheEnd(t *testing.T) {
	everywhere(t, func(t *testing.T, d *Device, m *fakeModule) {
		fd, link := dialed(t, d)
		m.do(func() { m.links[link] = fakeLink{} })
		start := time.Now()
		_, err := d.Recv(fd, make([]byte, 1), 0, start.Add(time.Minute))
		is(t, err, io.EOF)
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("it took %v", took)
		}
	})
}

func TestLostNewsOfAConnection(t *testing.T) {
	everywhere(t, func(t *testing.T, d *Device, m *fakeModule) {
		l := listener(t, d, 80)
		m.do(func() {
			m.links[1] = fakeLink{open: true, typ: "TCP", server: true, peer: ap("10.0.0.7:1234"), lport: 80}
		})
		fd, from, err := d.Accept(l)
		if err != nil || from != ap("10.0.0.7:1234") {
			t.Fatal(from, err)
		}
		send(t, d, fd, "hello")
		if got := m.got(1); got != "hello" {
			t.Errorf("the client got %q", got)
		}
	})
}

func TestConnectionsThatNobodyAcceptsAreClosed(t *testing.T) {
	bubble(t, newest, func(t *testing.T, d *Device, m *fakeModule) {
		l := listener(t, d, 80)
		for i := range 3 {
			m.incoming(fmt.Sprintf("10.0.0.%d:1", 7+i))
		}
		time.Sleep(10 * time.Millisecond)
		ok(t, d.Close(l))
		m.say("2,CONNECT\r\n") // one that came too late
		m.do(func() { m.links[2] = fakeLink{open: true, typ: "TCP", server: true} })
		time.Sleep(3 * time.Second)
		m.do(func() {
			for i, l := range m.links {
				if l.open {
					t.Errorf("link %d is open", i)
				}
			}
		})
	})
}

func TestOneServer(t *testing.T) {
	bubble(t, newest, func(t *testing.T, d *Device, m *fakeModule) {
		l := listener(t, d, 80)
		fd := stream(t, d)
		ok(t, d.Bind(fd, ap("0.0.0.0:81")))
		is(t, d.Listen(fd, 1), netdev.ErrAddrInUse)
		ok(t, d.Close(l))
		ok(t, d.Listen(fd, 1))
	})
}

func TestServerConfig(t *testing.T) {
	alone(t, newest, func(c *Config) { c.MaxConns = 3; c.IdleTimeout = 90 * time.Second }, func(t *testing.T, d *Device, m *fakeModule) {
		ok(t, d.NetConnect())
		listener(t, d, 80)
		m.do(func() {
			n := len(m.commands)
			if got := strings.Join(m.commands[n-3:], " "); got != "AT+CIPSERVERMAXCONN=3 AT+CIPSERVER=1,80 AT+CIPSTO=90" {
				t.Error(got)
			}
		})
	})
}

func TestTLSClient(t *testing.T) {
	for name, tt := range map[string]struct {
		tls  *TLS
		want string
	}{
		"encrypted only": {nil, "AT+CIPSSLCCONF=L,0 AT+CIPSSLCSNI=L,\"host\" AT+CIPSTART=L,\"SSL\",\"host\",443"},
		"verified": {&TLS{Verify: true, CA: 1},
			"AT+CIPSSLCCONF=L,2,0,1 AT+CIPSSLCSNI=L,\"host\" AT+CIPSSLCCN=L,\"host\" AT+CIPSTART=L,\"SSL\",\"host\",443"},
		"both": {&TLS{Verify: true, ClientCert: true, Cert: 1},
			"AT+CIPSSLCCONF=L,3,1,0 AT+CIPSSLCSNI=L,\"host\" AT+CIPSSLCCN=L,\"host\" AT+CIPSTART=L,\"SSL\",\"host\",443"},
	} {
		t.Run(name, func(t *testing.T) {
			alone(t, newest, func(c *Config) { c.TLS = tt.tls }, func(t *testing.T, d *Device, m *fakeModule) {
				ok(t, d.NetConnect())
				before := m.said("")
				fd := socket(t, d, netdev.SOCK_STREAM, netdev.IPPROTO_TLS)
				ok(t, d.Connect(fd, "host", ap0(443)))
				link := linkOf(d, fd)
				m.do(func() {
					want := strings.ReplaceAll(tt.want, "=L,", fmt.Sprintf("=%d,", link))
					if got := strings.Join(m.commands[before:], " "); got != want {
						t.Errorf("said %s\nwant %s", got, want)
					}
				})
				send(t, d, fd, "hello")
				m.arrive(link, "world")
				if got := recv(t, d, fd, 5); got != "world" {
					t.Errorf("received %q", got)
				}
				m.do(func() { m.refuse = true })
				fd = socket(t, d, netdev.SOCK_STREAM, netdev.IPPROTO_TLS)
				is(t, d.Connect(fd, "host", ap0(443)), netdev.ErrConnRefused)
			})
		})
	}
}

func TestLongHostIsResolvedFirst(t *testing.T) {
	bubble(t, newest, func(t *testing.T, d *Device, m *fakeModule) {
		host := strings.Repeat("a", 61) + ".org" // 65 bytes
		m.do(func() { m.names[host] = "10.0.0.1" })
		fd := socket(t, d, netdev.SOCK_STREAM, netdev.IPPROTO_TLS)
		ok(t, d.Connect(fd, host, ap0(443)))
		link := linkOf(d, fd)
		if m.said(fmt.Sprintf(`AT+CIPSTART=%d,"SSL","10.0.0.1",443`, link)) != 1 || m.said(fmt.Sprintf(`AT+CIPSSLCSNI=%d,"%s"`, link, host)) != 1 {
			t.Errorf("%q", m.commands)
		}
	})
}

func TestTLSServer(t *testing.T) {
	alone(t, newest, func(c *Config) { c.TLS = &TLS{ServerVerify: true} }, func(t *testing.T, d *Device, m *fakeModule) {
		ok(t, d.NetConnect())
		fd := socket(t, d, netdev.SOCK_STREAM, netdev.IPPROTO_TLS)
		ok(t, d.Bind(fd, ap("0.0.0.0:443")))
		ok(t, d.Listen(fd, 5))
		if m.said(`AT+CIPSERVER=1,443,"SSL",1`) != 1 {
			t.Errorf("%q", m.commands)
		}
		link := m.incoming("10.0.0.7:1")
		conn, _, err := d.Accept(fd)
		ok(t, err)
		send(t, d, conn, "hello")
		if got := m.got(link); got != "hello" {
			t.Errorf("the client got %q", got)
		}
	})
	bubble2(t, "2.2.1.0 - ESP8266", func(t *testing.T, d *Device, m *fakeModule) {
		fd := socket(t, d, netdev.SOCK_STREAM, netdev.IPPROTO_TLS)
		ok(t, d.Bind(fd, ap("0.0.0.0:443")))
		is(t, d.Listen(fd, 5), errors.ErrUnsupported)
	})
}

func TestIPv6(t *testing.T) {
	alone(t, newest, func(c *Config) { c.IPv6 = true }, func(t *testing.T, d *Device, m *fakeModule) {
		m.replies["AT+CIPV6=1"] = okay
		m.replies["AT+CIFSR"] = "+CIFSR:STAIP,\"10.0.0.2\"\r\n+CIFSR:STAIP6LL,\"fe80::1\"\r\n+CIFSR:STAIP6GL,\"2001:db8::2\"\r\n" + okay
		m.names["six"] = "2001:db8::7"
		ok(t, d.NetConnect())
		m.say("WIFI GOT IPv6 LL\r\nWIFI GOT IPv6 GL\r\n")
		time.Sleep(time.Second)
		all, err := d.LookupHost("ip6", "six", forever)
		if err != nil || len(all) != 1 || all[0].String() != "2001:db8::7" {
			t.Fatal(all, err)
		}
		fd, err := d.Socket(netdev.AF_INET6, netdev.SOCK_STREAM, netdev.IPPROTO_TCP)
		ok(t, err)
		ok(t, d.Connect(fd, "", ap("[2001:db8::7]:80")))
		if link := linkOf(d, fd); m.said(fmt.Sprintf(`AT+CIPSTART=%d,"TCPv6","2001:0db8:0000:0000:0000:0000:0000:0007",80`, link)) != 1 {
			t.Errorf("%q", m.commands)
		}
		if a, err := d.LocalAddr(fd); err != nil || a.Addr().String() != "2001:db8::2" {
			t.Error(a, err)
		}
		u, err := d.Socket(netdev.AF_INET6, netdev.SOCK_DGRAM, netdev.IPPROTO_UDP)
		ok(t, err)
		ok(t, d.Bind(u, ap("[::]:5000")))
		m.datagram(linkOf(d, u), "[2001:db8::9]:7", "hello")
		buf := make([]byte, 10)
		n, from, err := d.RecvFrom(u, buf, 0, time.Now().Add(time.Second))
		if err != nil || string(buf[:n]) != "hello" || from != ap("[2001:db8::9]:7") {
			t.Error(n, from, err)
		}
		_, err = d.SendTo(u, buf[:n], 0, from, forever)
		ok(t, err)
		l, err := d.Socket(netdev.AF_INET6, netdev.SOCK_STREAM, netdev.IPPROTO_TCP)
		ok(t, err)
		ok(t, d.Bind(l, ap("[::]:80")))
		ok(t, d.Listen(l, 1))
		if m.said(`AT+CIPSERVER=1,80,"TCPv6"`) != 1 {
			t.Errorf("%q", m.commands)
		}
	})
	bubble2(t, newest, func(t *testing.T, d *Device, m *fakeModule) { // not asked for
		_, err := d.Socket(netdev.AF_INET6, netdev.SOCK_STREAM, netdev.IPPROTO_TCP)
		is(t, err, errors.ErrUnsupported)
		_, err = d.LookupHost("ip6", "host", forever)
		is(t, err, errors.ErrUnsupported)
	})
}

func TestOptions(t *testing.T) {
	bubble(t, newest, func(t *testing.T, d *Device, m *fakeModule) {
		fd, link := dialed(t, d)
		ok(t, d.SetSockOpt(fd, netdev.SOL_TCP, netdev.TCP_NODELAY, false))
		ok(t, d.SetSockOpt(fd, netdev.SOL_SOCKET, netdev.SO_KEEPALIVE, true))
		for _, cmd := range []string{"AT+CIPTCPOPT=%d,-1,0,10000", "AT+CIPTCPOPT=%d,-1,0,10000,60"} {
			if m.said(fmt.Sprintf(cmd, link)) == 0 {
				t.Error("not said:", cmd)
			}
		}
		is(t, d.SetSockOpt(fd, netdev.SOL_SOCKET, netdev.SO_BROADCAST, true), netdev.ErrNotSupported)
		is(t, d.SetSockOpt(fd, netdev.SOL_TCP, netdev.TCP_NODELAY, 1), netdev.ErrNotSupported)
		is(t, d.Shutdown(fd, netdev.SHUT_WR), netdev.ErrNotSupported)
	})
}

func TestLocalPortIsWhatTheModuleChose(t *testing.T) {
	bubble(t, newest, func(t *testing.T, d *Device, m *fakeModule) {
		fd, link := dialed(t, d)
		if a, err := d.LocalAddr(fd); err != nil || int(a.Port()) != 50000+link || a.Addr().String() != "10.0.0.2" {
			t.Error(a, err)
		}
	})
}

// A module that keeps nothing: what does not fit fails its stream, and no other.
func TestActiveModuleOverrun(t *testing.T) {
	alone(t, newest, func(c *Config) { c.Active = true }, func(t *testing.T, d *Device, m *fakeModule) {
		ok(t, d.NetConnect())
		fd, link := dialed(t, d)
		m.arrive(link, "early")
		time.Sleep(time.Second)
		// While nothing is asked of the module it can wait: it is held back by the UART.
		want := pattern(20000)
		m.arrive(link, string(want))
		time.Sleep(time.Second)
		if got := recv(t, d, fd, len(want)+5); got != "early"+string(want) {
			t.Errorf("received %d bytes", len(got))
		}
		// A command cannot wait.
		other, otherLink := dialed(t, d)
		m.arrive(link, string(want))
		send(t, d, other, "hello")
		if got := m.got(otherLink); got != "hello" {
			t.Errorf("the other peer got %q", got)
		}
		n, err := 0, error(nil)
		buf := make([]byte, 1000)
		for err == nil {
			var k int
			k, err = d.Recv(fd, buf, 0, time.Now().Add(time.Second))
			if n+k > len(want) || !bytes.Equal(buf[:k], want[n:n+k]) {
				t.Fatal("received something else")
			}
			if n == 0 { // there is room again, for what comes behind the gap
				m.arrive(link, "too late")
				time.Sleep(100 * time.Millisecond)
			}
			n += k
		}
		is(t, err, netdev.ErrConnReset)
	})
}

func TestRefusedReadAsksForLess(t *testing.T) {
	bubble(t, newest, func(t *testing.T, d *Device, m *fakeModule) {
		fd, link := dialed(t, d)
		refused := 0
		m.do(func() {
			m.onCmd = func(cmd string) bool { // it has little memory
				var l, n int
				if k, _ := fmt.Sscanf(cmd, "AT+CIPRECVDATA=%d,%d", &l, &n); k == 2 && n > 1000 {
					refused++
					m.result(error_)
					return true
				}
				return false
			}
		})
		want := string(pattern(3000))
		start := time.Now()
		m.arrive(link, want)
		if got := recv(t, d, fd, len(want)); got != want {
			t.Errorf("received %d bytes", len(got))
		}
		if took := time.Since(start); refused != 1 || took > 500*time.Millisecond {
			t.Errorf("refused %d times, and it took %v", refused, took)
		}
	})
}

// Bytes that the wire loses or doubles in received data are noticed.
func TestDamagedFraming(t *testing.T) {
	for _, v := range []string{"1.7.4.0", newest} {
		for _, active := range []bool{false, true} {
			for _, damage := range []string{"lost", "doubled"} {
				t.Run(fmt.Sprint(v, active, damage), func(t *testing.T) {
					alone(t, v, func(c *Config) { c.Active = active }, func(t *testing.T, d *Device, m *fakeModule) {
						ok(t, d.NetConnect())
						fd, link := dialed(t, d)
						other, otherLink := dialed(t, d)
						m.arrive(link, "0123456789")
						if !active {
							time.Sleep(10 * time.Millisecond)
							m.do(func() {
								m.onCmd = func(cmd string) bool {
									if !strings.HasPrefix(cmd, "AT+CIPRECVDATA") {
										return false
									}
									m.onCmd = nil
									m.result(mangle(m.run(cmd), damage))
									return true
								}
							})
						} else {
							m.do(func() { m.rx = []byte(mangle(string(m.rx), damage)) })
							m.arrive(otherLink, "others go on")
						}
						var err error
						for err == nil {
							_, err = d.Recv(fd, make([]byte, 20), 0, time.Now().Add(10*time.Second))
						}
						is(t, err, netdev.ErrConnReset)
						if !active {
							m.arrive(otherLink, "others go on")
						}
						if active && damage == "lost" {
							return // a byte of the other's head is gone with it
						}
						if got := recv(t, d, other, 12); got != "others go on" {
							t.Errorf("received %q", got)
						}
					})
				})
			}
		}
	}
}

func mangle(s, damage string) string {
	if damage == "lost" {
		return strings.Replace(s, "0123456789", "012346789", 1)
	}
	return strings.Replace(s, "0123456789", "01234556789", 1)
}

// What a connection receives, and that it ends, before it is accepted is there when it
// is, also of a module that keeps nothing.
func TestEarlyData(t *testing.T) {
	for _, active := range []bool{false, true} {
		alone(t, newest, func(c *Config) { c.Active = active }, func(t *testing.T, d *Device, m *fakeModule) {
			ok(t, d.NetConnect())
			l := listener(t, d, 80)
			first := m.incoming("10.0.0.7:1")
			m.arrive(first, "first")
			m.hangup(first)
			time.Sleep(time.Second)
			second := m.incoming("10.0.0.8:1") // perhaps on the same link
			m.arrive(second, "second")
			time.Sleep(time.Second)
			for _, want := range []string{"first", "second"} {
				fd, _, err := d.Accept(l)
				ok(t, err)
				if got := recv(t, d, fd, len(want)); got != want {
					t.Errorf("active %v: received %q, want %q", active, got, want)
				}
				if want == "first" {
					_, err = d.Recv(fd, make([]byte, 1), 0, time.Now().Add(time.Second))
					is(t, err, io.EOF)
				} else {
					send(t, d, fd, "reply")
					if got := m.got(second); got != "reply" {
						t.Errorf("the client got %q", got)
					}
				}
			}
		})
	}
}

// A peer that takes nothing: the module is at it, and says nothing.
func TestSendToAPeerThatTakesNothing(t *testing.T) {
	bubble(t, newest, func(t *testing.T, d *Device, m *fakeModule) {
		fd, link := dialed(t, d)
		other, otherLink := dialed(t, d)
		m.do(func() {
			m.onSend = func(l int, data []byte) bool {
				m.out(fmt.Sprintf("\r\nRecv %d bytes\r\n", len(data)))
				if l != link {
					m.delivered[l] = append(m.delivered[l], data...)
					m.result("\r\nSEND OK\r\n")
					return true
				}
				m.after(10*time.Second, func() { m.running--; m.out("\r\nSEND FAIL\r\n") })
				return true
			}
		})
		start := time.Now()
		_, err := d.Send(fd, make([]byte, 10000), 0, start.Add(time.Second))
		is(t, err, netdev.ErrTimeout)
		if took := time.Since(start); took > 1100*time.Millisecond {
			t.Errorf("the deadline of a second took %v", took)
		}
		start = time.Now()
		ok(t, d.Close(fd))
		if took := time.Since(start); took > 100*time.Millisecond {
			t.Errorf("Close took %v", took)
		}
		m.arrive(otherLink, "patience")
		if got := recv(t, d, other, 8); got != "patience" {
			t.Errorf("received %q", got)
		}
		send(t, d, other, "hello")
		if got := m.got(otherLink); got != "hello" {
			t.Errorf("the other peer got %q", got)
		}
		time.Sleep(time.Second)
		m.do(func() {
			if m.links[link].open {
				t.Error("the link is still open")
			}
		})
	})
}

// Five streams that are received at once get about the same.
func TestFiveStreamsShare(t *testing.T) {
	bubble(t, newest, func(t *testing.T, d *Device, m *fakeModule) {
		m.do(func() { m.bps = 921600 })
		d.chip().eng.Take()
		d.chip().baud = 921600
		d.chip().eng.Give()
		var counts [5]int
		var fds, links [5]int
		for i := range fds {
			fds[i], links[i] = dialed(t, d)
		}
		end := time.Now().Add(2 * time.Second)
		done := make(chan struct{})
		for i := range fds {
			go func() {
				defer func() { done <- struct{}{} }()
				buf := make([]byte, 2048)
				for {
					n, err := d.Recv(fds[i], buf, 0, end)
					if err != nil {
						return
					}
					counts[i] += n
				}
			}()
		}
		m.do(func() {
			m.refill = func(l *fakeLink) { l.in = append(l.in, make([]byte, 5760-len(l.in))...) }
			for i := range links {
				m.refill(&m.links[links[i]])
				m.notice(links[i])
			}
		})
		for range fds {
			<-done
		}
		total := 0
		for _, n := range counts {
			total += n
		}
		for i, n := range counts {
			if n*5 < total*8/10 || n*5 > total*12/10 {
				t.Errorf("stream %d got %d of %d bytes", i, n, total)
			}
		}
		if total < 2*921600/10*9/10 {
			t.Errorf("%d bytes in 2 s", total)
		}
	})
}
