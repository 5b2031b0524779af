//go:build go1.25

package espat

import (
	"bytes"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"tinynet/netdev"
	"tinynet/netlink"
	"tinynet/offload"
)

// FuzzReply feeds the dispatcher, in every state of a command, with anything: it
// neither panics nor takes more than it was given room for.
func FuzzReply(f *testing.F) {
	for _, s := range []string{
		keywords,
		"\r\n+IPD,0,5:hello0,CLOSED\r\n",
		"\r\n+IPD,1,4,\"10.0.0.5\",5000:xyz.\r\n",
		"+IPD,1,4,10.0.0.5,5000:xyz.\r\n+IPD,1,99999:",
		"+IPD,1,16384:", "+IPD,9,1:x", "+IPD,0,1,\"::\",1:x", "+IPD,-1,-1:",
		"+CIPRECVDATA:8,6789abcd\r\nOK\r\n", "+CIPRECVDATA,8:6789abcd\r\nOK\r\n",
		"+CIPRECVDATA:4,\"10.0.0.5\",6000,ping\r\nOK\r\n", "+CIPRECVDATA:0,\r\nOK\r\n", "+CIPRECVDATA:99999,x",
		"+LINK_CONN:0,2,\"TCP\",1,\"10.0.0.5\",6000,80\r\n+LINK_CONN:0,3,\"TCP\",0,\"10.0.0.5\",6000,80\r\n+LINK_CONN:0",
		"+CIPSTATE:0,\"TCP\",\"10.0.0.1\",80,50000,0\r\nSTATUS:3\r\n+CIPSTATUS:1,\"TCP\",\"10.0.0.1\",80,50000,1\r\n",
		"+CWLAP:(3,\"home\",-57,\"aa:bb:cc:dd:ee:ff\",11)\r\n+CWLAP:(0,\"\"",
		"+CIPRECVLEN:1,2,3,-1,-1\r\nOK\r\n", "+CWJAP:\"a\",\"b\",1,-5", "+CIPMUX:1\r\n\r\nOK\r\n",
		"busy p...\r\nbusy s...\r\n", "Recv 5 bytes\r\n\r\nSEND OK\r\n\r\nSEND FAIL\r\n", "AT+RST\r\n",
		"\r\nERR CODE:0x01090000\r\n\r\nERROR\r\n", "0,CONNECT\r\n1,CLOSED\r\n4,CONNECT FAIL\r\n",
	} {
		f.Add(byte(0), []byte(s))
		f.Add(byte(1), []byte(s))
		f.Add(byte(6), []byte(s))
	}
	f.Fuzz(func(t *testing.T, state byte, data []byte) {
		m := &scriptUART{in: data}
		d := newDevice(&Config{Uart: m, Buffer: 200}, offload.Times{})
		c := d.chip()
		l := *c.limits
		l.stall = spanOf(time.Hour)
		c.limits = &l
		c.baud = 115200
		copy(c.conns[:], []conn{
			{state: connOpen, link: 0}, {state: connOpen, link: 1, kind: offload.Datagram},
			{state: connStarting, link: 2}, {state: connListening, link: noLink}, {state: connOpen, link: 4, kind: offload.TLS},
		})
		c.server = 3
		c.told = state&1 != 0
		c.quiet = state&2 != 0
		c.begun([]job{jobPlain, jobStart, jobSend, jobJoin}[state>>2&3], step(state>>4)%(stepSent+1), spanOf(time.Hour))
		c.jobConn, c.jobLink, c.sending = 2, 2, 5
		c.want, c.prefix = want(state)%(wantAPs+1), "+C"
		c.found = make([]AccessPoint, 0, 3)
		room := bytes.Repeat([]byte{0xA5}, 64)
		c.readConn, c.most, c.wire.dst = 0, 32, room[:32:32]
		for range 100 {
			c.pump()
			var p [40]byte
			c.pool.stream(0, p[:])
			c.pool.datagram(1, p[:])
			if len(m.in) == 0 && c.wire.r == c.wire.w {
				break
			}
		}
		for _, b := range room[32:] {
			if b != 0xA5 {
				t.Fatal("written beyond the caller's buffer")
			}
		}
		if len(c.pool.buf) > 200 || len(c.found) > 3 {
			t.Fatal("more was kept than there is room for")
		}
		for i := range c.conns {
			c.pool.drop(i)
		}
		if len(c.pool.buf) != 0 && !c.pool.open {
			t.Fatalf("%d bytes of the pool are nobody's", len(c.pool.buf))
		}
	})
}

// scriptUART is a UART on which something has come.
type scriptUART struct{ in []byte }

func (u *scriptUART) Buffered() int { return len(u.in) }
func (u *scriptUART) Read(p []byte) (int, error) {
	n := copy(p, u.in)
	u.in = u.in[n:]
	return n, nil
}
func (u *scriptUART) Write(p []byte) (int, error) { return len(p), nil }

// forge returns what the module says in place of a command's reply, as script has it:
// an operation for each command, then its arguments.
func forge(script []byte) func(reply string) string {
	next := func() byte {
		if len(script) == 0 {
			return 0
		}
		b := script[0]
		script = script[1:]
		return b
	}
	return func(r string) string {
		p := []byte(r)
		switch next() % 10 {
		case 1: // one byte
			if at := int(next()); at < len(p) {
				p[at] ^= next()
			}
		case 2: // cut short
			p = p[:min(int(next()), len(p))]
		case 3: // bytes lost at the front
			p = p[min(int(next()), len(p)):]
		case 4, 5: // anything, instead or before
			n := min(int(next()), len(script))
			p, script = append(script[:n:n], p...), script[n:]
		case 6: // twice
			p = append(p, p...)
		case 7: // a keyword before
			p = append([]byte(keywords[:int(next())%len(keywords)]), p...)
		case 8:
			p = append(p, "\r\n>\r\nbusy p...\r\n0,CONNECT\r\n1,CLOSED\r\n"...)
		case 9:
			p = append(p, "\r\nready\r\n"...)
		}
		return string(p)
	}
}

// FuzzHostileModule: whatever comes from the module, nothing panics, and no call
// lasts longer than its deadline and the module's own limits.
func FuzzHostileModule(f *testing.F) {
	f.Add([]byte{})
	for op := byte(1); op < 10; op++ {
		for at := 0; at < 48; at += 3 {
			f.Add(append(make([]byte, at), op, 3, 0x55, 0xFF, 0xFF, op, 4, 0xAA, 1, 2))
		}
	}
	f.Fuzz(func(t *testing.T, script []byte) {
		synctest.Test(t, func(t *testing.T) {
			v := versions[len(script)%len(versions)]
			m := newFake(t, v)
			m.forge = forge(script)
			d := newDevice(&Config{Uart: m, Buffer: 500, TLS: &TLS{Verify: true}, IPv6: true, MaxBaud: 230400}, offload.Times{})
			defer func() { d.NetDisconnect(); time.Sleep(3 * time.Minute) }()
			// A tenth of the usual times makes ten times as many scripts.
			l := defaultLimits
			for _, p := range []*span{&l.answer, &l.scan, &l.name, &l.dial, &l.send, &l.nudge} {
				*p /= 10
			}
			d.chip().limits = &l
			begin := time.Now()
			soon := func() time.Time { return time.Now().Add(2 * time.Second) }
			buf := make([]byte, 600)
			for _, watchdog := range []time.Duration{0, time.Second} {
				d.NetConnect(&netlink.ConnectParams{
					Ssid: "home", Passphrase: "passw0rd", Retries: 2,
					ConnectTimeout: 2 * time.Second, WatchdogTimeout: watchdog,
				})
				d.LookupHost("ip", "host", soon())
				if fd, err := d.Socket(netdev.AF_INET, netdev.SOCK_STREAM, netdev.IPPROTO_TCP); err == nil {
					d.SetWriteDeadline(fd, soon())
					d.Connect(fd, "", ap("10.0.0.1:80"))
					m.arrive(4, "data")
					d.Send(fd, buf, 0, soon())
					d.Recv(fd, buf, 0, soon())
					d.LocalAddr(fd)
					d.SetSockOpt(fd, netdev.SOL_TCP, netdev.TCP_NODELAY, true)
					d.Close(fd)
				}
				if fd, err := d.Socket(netdev.AF_INET, netdev.SOCK_DGRAM, netdev.IPPROTO_UDP); err == nil {
					d.SendTo(fd, buf, 0, ap("10.0.0.1:80"), soon())
					m.datagram(3, "10.0.0.1:80", "data")
					d.RecvFrom(fd, buf[:100], 0, soon())
					d.JoinGroup(fd, netip.MustParseAddr("224.0.0.251"), 0)
				}
				if fd, err := d.Socket(netdev.AF_INET, netdev.SOCK_STREAM, netdev.IPPROTO_TCP); err == nil {
					d.Bind(fd, ap("0.0.0.0:80"))
					d.Listen(fd, 1)
					m.incoming("10.0.0.7:1")
					d.SetReadDeadline(fd, soon())
					if conn, _, err := d.Accept(fd); err == nil {
						d.Recv(conn, buf, 0, soon())
					}
				}
				if fd, err := d.Socket(netdev.AF_INET, netdev.SOCK_STREAM, netdev.IPPROTO_TLS); err == nil {
					d.SetWriteDeadline(fd, soon())
					d.Connect(fd, "host", ap("10.0.0.1:443"))
					d.Send(fd, buf, 0, soon())
					d.Recv(fd, buf, 0, soon())
				}
				d.RSSI()
				d.Time()
				d.Ping(netip.MustParseAddr("10.0.0.1"), 1)
				d.DNSServers()
				d.GetHardwareAddr()
				d.NetDisconnect()
				d.Scan()
				for fd := range maxSockets {
					d.Close(fd)
				}
			}
			if took := time.Since(begin); took > 10*time.Minute {
				t.Errorf("it took %v", took)
			}
			// Once it behaves, it is of use again.
			m.do(func() { m.forge = nil })
			time.Sleep(3 * time.Minute)
			ok(t, d.NetConnect(&netlink.ConnectParams{Ssid: "home", Passphrase: "passw0rd", Retries: 3}))
			before := len(m.commands)
			fd := stream(t, d)
			if err := d.Connect(fd, "", ap("10.0.0.1:80")); err != nil {
				t.Fatalf("Connect: %v, after %q\n%+v joined %v ap %v", err, m.commands[max(0, before-12):], d.chip().conns, d.chip().joined, d.chip().ap)
			}
			link := linkOf(d, fd)
			send(t, d, fd, "hello")
			if got := m.got(link); got != "hello" {
				t.Errorf("the peer got %q", got)
			}
		})
	})
}
