package espat

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tinynet/sim/clock"
	"tinynet/sim/network"
)

// rig is a host, a module and a network, in a synctest bubble.
type rig struct {
	t   *testing.T
	c   *Chip
	u   *UART
	v   *network.Virtual
	in  chan byte // what the host has received
	log []string
}

const rtt = 5 * time.Millisecond

// virtually runs a test with a module that has come up, echo off.
func virtually(t *testing.T, cfg Config, test func(r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := power(t, cfg)
		r.awaitReady()
		r.send("ATE0\r\n")
		r.expect("ATE0\r\n\r\nOK\r\n")
		test(r)
		r.quiet()
	})
}

// power makes a rig of a module that has just been powered.
func power(t *testing.T, cfg Config) *rig {
	t.Helper()
	r := &rig{t: t}
	if cfg.Clock == nil {
		cfg.Clock = clock.Virtual()
	}
	r.v = network.NewVirtual(network.VirtualConfig{Clock: cfg.Clock, RTT: rtt, Hosts: map[string]netip.Addr{"example.com": netip.MustParseAddr("10.0.0.1")}})
	cfg.Attach = r.v.Station
	cfg.AttachAP = r.v.AccessPoint
	trace := cfg.Trace
	cfg.Trace = func(e Event) {
		r.log = append(r.log, e.Time.Format("05.000000 ")+e.String())
		if trace != nil {
			trace(e)
		}
	}
	r.c = New(cfg)
	r.u = r.c.UART()
	r.in = make(chan byte, 1<<20)
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 4096)
		for {
			n, err := r.u.Read(buf)
			for _, b := range buf[:n] {
				r.in <- b
			}
			if err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() {
		r.c.Close()
		<-done
		if t.Failed() {
			t.Log("\n" + strings.Join(r.log, "\n"))
		}
	})
	return r
}

func (r *rig) send(s string) {
	r.t.Helper()
	if n, err := r.u.Write([]byte(s)); n != len(s) || err != nil {
		r.t.Fatalf("wrote %d of %d bytes: %v", n, len(s), err)
	}
}

// patience is how long a test waits for bytes, in virtual time.
const patience = 30 * time.Second

// expect waits for exactly these bytes.
func (r *rig) expect(want string) {
	r.t.Helper()
	var got []byte
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for len(got) < len(want) {
		select {
		case b := <-r.in:
			got = append(got, b)
			if b != want[len(got)-1] {
				// The rest of what comes at once, for the message.
				time.Sleep(10 * time.Millisecond)
				for len(r.in) > 0 && len(got) < len(want)+200 {
					got = append(got, <-r.in)
				}
				r.t.Fatalf("received %.300q, want %.300q", got, want)
			}
		case <-timer.C:
			r.t.Fatalf("received only %.300q of %.300q", got, want)
		}
	}
}

// awaitReady skips what a boot loader says.
func (r *rig) awaitReady() {
	r.t.Helper()
	if r.c.v.nonOS() {
		for range bootNoise {
			<-r.in
		}
	}
	r.expect("\r\nready\r\n")
}

// ipd takes a +IPD with its data, whose header ends in tail, and returns it.
func (r *rig) ipd(tail string) string {
	r.t.Helper()
	r.expect("\r\n+IPD,")
	n := 0
	for {
		b := <-r.in
		if b < '0' || b > '9' {
			if b != tail[0] {
				r.t.Fatalf("%q behind +IPD's length %d, want %q", b, n, tail)
			}
			break
		}
		n = n*10 + int(b-'0')
	}
	r.expect(tail[1:])
	if n > 2920 {
		r.t.Errorf("+IPD of %d bytes", n)
	}
	var p []byte
	for range n {
		p = append(p, <-r.in)
	}
	return string(p)
}

// quiet checks that nothing more comes for a while.
func (r *rig) quiet() {
	r.t.Helper()
	time.Sleep(300 * time.Millisecond)
	var got []byte
	for len(r.in) > 0 {
		got = append(got, <-r.in)
	}
	if len(got) > 0 {
		r.t.Errorf("received %q, want nothing", got)
	}
}

// do sends a command and expects the reply.
func (r *rig) do(command, reply string) {
	r.t.Helper()
	r.send(command + "\r\n")
	r.expect(reply)
}

const (
	ok   = "\r\nOK\r\n"
	bad  = "\r\nERROR\r\n"
	sent = "\r\nSEND OK\r\n"
)

// join joins the network.
func (r *rig) join() {
	r.t.Helper()
	if r.c.v.nonOS() {
		r.do(`AT+CWMODE_CUR=1`, ok)
		r.do(`AT+CWJAP_CUR="home","correct horse"`, "WIFI CONNECTED\r\nWIFI GOT IP\r\n"+ok)
		return
	}
	r.do("AT+CWMODE=1", ok)
	r.do(`AT+CWJAP="home","correct horse"`, "WIFI CONNECTED\r\nWIFI GOT IP\r\n"+ok)
}

func (r *rig) listen(port uint16) *peerListener {
	r.t.Helper()
	l, err := r.v.Host().Listen(port)
	if err != nil {
		r.t.Fatal(err)
	}
	return &peerListener{r, l}
}

func (r *rig) dial(port uint16) *network.VirtualConn {
	r.t.Helper()
	c, err := r.v.Host().Dial(context.Background(), netip.AddrPortFrom(network.BoardAddr, port))
	if err != nil {
		r.t.Fatal(err)
	}
	return c.(*network.VirtualConn)
}

type peerListener struct {
	r *rig
	l net.Listener
}

func payload(n int) []byte { return bytes.Repeat([]byte("0123456789"), n/10+1)[:n] }

// accept takes the connection that a module has opened.
func (l *peerListener) accept() *network.VirtualConn {
	l.r.t.Helper()
	c, err := l.l.Accept()
	if err != nil {
		l.r.t.Fatal(err)
	}
	return c.(*network.VirtualConn)
}

// read reads exactly n bytes at a peer.
func (r *rig) read(c net.Conn, n int) string {
	r.t.Helper()
	p := make([]byte, n)
	c.SetReadDeadline(time.Now().Add(patience))
	if m, err := io.ReadFull(c, p); err != nil {
		r.t.Fatalf("peer read %q: %v", p[:m], err)
	}
	return string(p)
}

// readEnd reads until the end of a stream.
func (r *rig) readEnd(c net.Conn) string {
	r.t.Helper()
	c.SetReadDeadline(time.Now().Add(patience))
	p, err := io.ReadAll(c)
	if err != nil {
		r.t.Errorf("peer read %q and then %v", p, err)
	}
	return string(p)
}

// packet is a machine's UDP socket.
func (r *rig) packet(addr string, port uint16) net.PacketConn {
	r.t.Helper()
	p, err := r.v.HostAt(netip.MustParseAddr(addr)).ListenPacket(port)
	if err != nil {
		r.t.Fatal(err)
	}
	return p
}

func (r *rig) writeTo(p net.PacketConn, s string, port uint16) {
	r.t.Helper()
	if _, err := p.WriteTo([]byte(s), net.UDPAddrFromAddrPort(netip.AddrPortFrom(network.BoardAddr, port))); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) readFrom(p net.PacketConn) (string, string) {
	r.t.Helper()
	buf := make([]byte, 2000)
	p.SetReadDeadline(time.Now().Add(patience))
	n, from, err := p.ReadFrom(buf)
	if err != nil {
		r.t.Fatal(err)
	}
	return string(buf[:n]), from.String()
}

func itoa(n int) string { return strconv.Itoa(n) }
