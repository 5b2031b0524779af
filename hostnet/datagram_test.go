//go:build linux || darwin

package hostnet

import (
	"bytes"
	"errors"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"

	"tinynet/netdev"
)

// datagrams makes a UDP socket on a free port.
func datagrams(t testing.TB, d *Device, ip netip.Addr) (int, netip.AddrPort) {
	t.Helper()
	fd, err := d.Socket(domainOf(ip), netdev.SOCK_DGRAM, netdev.IPPROTO_UDP)
	check(t, err)
	check(t, d.Bind(fd, netip.AddrPortFrom(ip, 0)))
	addr, err := d.LocalAddr(fd)
	check(t, err)
	return fd, addr
}

func TestDatagramsKeepTheirSender(t *testing.T) {
	d := New()
	loopbacks(t, func(t *testing.T, ip netip.Addr) {
		fd, addr := datagrams(t, d, ip)
		defer d.Close(fd)
		for i := range 4 {
			peer, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(ip, 0)))
			check(t, err)
			want := payload(byte(i), []int{1, 0, 1472, 9000}[i])
			_, err = peer.WriteToUDPAddrPort(want, addr)
			check(t, err)
			buf := make([]byte, 10_000)
			n, from, err := d.RecvFrom(fd, buf, 0, time.Time{})
			check(t, err)
			if !bytes.Equal(buf[:n], want) || from != peer.LocalAddr().(*net.UDPAddr).AddrPort() {
				t.Fatalf("%d bytes from %v, want %d from %v", n, from, len(want), peer.LocalAddr())
			}
			n, err = d.SendTo(fd, want, 0, from, time.Time{})
			if err != nil || n != len(want) {
				t.Fatalf("SendTo: %d, %v", n, err)
			}
			n, back, err := peer.ReadFromUDPAddrPort(buf)
			check(t, err)
			if !bytes.Equal(buf[:n], want) || back != addr {
				t.Fatalf("the peer has %d bytes from %v, want %d from %v", n, back, len(want), addr)
			}
			peer.Close()
		}
	})
}

func TestConnectedDatagrams(t *testing.T) {
	d := New()
	loopbacks(t, func(t *testing.T, ip netip.Addr) {
		peer, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(ip, 0)))
		check(t, err)
		fd, addr := datagrams(t, d, ip)
		defer d.Close(fd)
		check(t, d.Connect(fd, "", peer.LocalAddr().(*net.UDPAddr).AddrPort()))
		for _, text := range []string{"one", "", "three"} { // an empty datagram is no end
			_, err = d.Send(fd, []byte(text), 0, time.Time{})
			check(t, err)
			buf := make([]byte, 10)
			n, err := peer.Read(buf)
			check(t, err)
			_, err = peer.WriteToUDPAddrPort(buf[:n], addr)
			check(t, err)
			n, err = d.Recv(fd, buf, 0, time.Time{})
			check(t, err)
			if string(buf[:n]) != text {
				t.Errorf("received %q, want %q", buf[:n], text)
			}
		}
		// What does not fit is lost, and nothing of the next one.
		peer.WriteToUDPAddrPort([]byte("long"), addr)
		peer.WriteToUDPAddrPort([]byte("next"), addr)
		buf := make([]byte, 2)
		for _, want := range []string{"lo", "ne"} {
			n, err := d.Recv(fd, buf, 0, time.Time{})
			check(t, err)
			if string(buf[:n]) != want {
				t.Errorf("received %q, want %q", buf[:n], want)
			}
		}
		peer.Close()
		_, err = d.Send(fd, []byte("x"), 0, time.Time{})
		check(t, err)
		if _, err = d.Recv(fd, buf, 0, time.Time{}); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("nobody there: %v, want ECONNREFUSED", err)
		}
	})
}

func TestDatagramTooLong(t *testing.T) {
	d := New()
	fd, addr := datagrams(t, d, loopback4)
	defer d.Close(fd)
	if _, err := d.SendTo(fd, make([]byte, 65508), 0, addr, time.Time{}); !errors.Is(err, syscall.EMSGSIZE) {
		t.Errorf("got %v, want EMSGSIZE", err)
	}
	if _, err := d.SendTo(fd, []byte("x"), 0, netip.MustParseAddrPort("[::1]:9"), time.Time{}); !errors.Is(err, syscall.EAFNOSUPPORT) {
		t.Errorf("to an address of another family: %v, want EAFNOSUPPORT", err)
	}
}

func TestDualStackDatagrams(t *testing.T) {
	d := New()
	fd, err := d.Socket(netdev.AF_INET6, netdev.SOCK_DGRAM, netdev.IPPROTO_UDP)
	if err != nil {
		t.Skipf("no IPv6: %v", err)
	}
	defer d.Close(fd)
	check(t, d.SetSockOpt(fd, netdev.SOL_IPV6, netdev.IPV6_V6ONLY, false))
	check(t, d.Bind(fd, netip.AddrPort{}))
	at, err := d.LocalAddr(fd)
	check(t, err)
	loopbacks(t, func(t *testing.T, ip netip.Addr) {
		other, addr := datagrams(t, d, ip)
		defer d.Close(other)
		_, err := d.SendTo(fd, []byte("x"), 0, addr, time.Time{})
		check(t, err)
		buf := make([]byte, 1)
		_, from, err := d.RecvFrom(other, buf, 0, time.Time{})
		check(t, err)
		if want := netip.AddrPortFrom(ip, at.Port()); from != want {
			t.Errorf("sent from %v, want %v", from, want)
		}
		_, err = d.SendTo(other, []byte("y"), 0, from, time.Time{})
		check(t, err)
		_, from, err = d.RecvFrom(fd, buf, 0, time.Time{})
		check(t, err)
		if from != addr {
			t.Errorf("received from %v, want %v", from, addr)
		}
	})
}

func TestZones(t *testing.T) {
	d := New()
	all, err := net.Interfaces()
	check(t, err)
	if len(all) == 0 {
		t.Skip("no network interface")
	}
	for _, ifi := range all {
		ip := netip.AddrPortFrom(netip.MustParseAddr("fe80::1").WithZone(ifi.Name), 80)
		sa, err := d.sockaddr(syscall.AF_INET6, ip)
		check(t, err)
		if id := sa.(*syscall.SockaddrInet6).ZoneId; id != uint32(ifi.Index) {
			t.Errorf("%s has number %d, want %d", ifi.Name, id, ifi.Index)
		}
		if got := d.addrPort(sa); got != ip {
			t.Errorf("%v came back as %v", ip, got)
		}
	}
	if _, err := d.sockaddr(syscall.AF_INET6, netip.MustParseAddrPort("[fe80::1%nosuch]:80")); err == nil {
		t.Error("a zone that does not exist was taken")
	}
	sa, err := d.sockaddr(syscall.AF_INET6, netip.MustParseAddrPort("[fe80::1%54321]:80"))
	check(t, err)
	if got := d.addrPort(sa).String(); got != "[fe80::1%54321]:80" {
		t.Errorf("a zone by number came back as %s", got)
	}
}

// Memory that is handed over by way of a socket is no race. The test says
// something under the race detector only.
func TestHandingOverIsNoRace(t *testing.T) {
	d := New()
	a, _ := datagrams(t, d, loopback4)
	defer d.Close(a)
	b, to := datagrams(t, d, loopback4)
	defer d.Close(b)
	l, addr := listen(t, d, loopback4)
	defer d.Close(l)
	c := stream(t, d, loopback4)
	defer d.Close(c)
	check(t, d.Connect(c, "", addr))
	e, _, err := d.Accept(l)
	check(t, err)
	defer d.Close(e)

	shared := 0
	go func() {
		shared = 1
		d.SendTo(a, []byte("x"), 0, to, time.Time{})
	}()
	buf := make([]byte, 1)
	_, _, err = d.RecvFrom(b, buf, 0, time.Time{})
	check(t, err)
	shared++
	go func() {
		shared++
		d.Send(c, []byte("x"), 0, time.Time{})
	}()
	_, err = d.Recv(e, buf, 0, time.Time{})
	check(t, err)
	shared++
	check(t, d.Connect(a, "", to))
	go func() {
		shared++
		d.Send(a, []byte("x"), 0, time.Time{})
	}()
	_, err = d.Recv(b, buf, 0, time.Time{})
	check(t, err)
	if shared++; shared != 6 {
		t.Errorf("%d steps, want 6", shared)
	}
}

func TestUnixStream(t *testing.T) {
	d := New()
	types := []int{netdev.SOCK_STREAM}
	names := []string{filepath.Join(t.TempDir(), "s")}
	if runtime.GOOS == "linux" {
		types = append(types, netdev.SOCK_SEQPACKET, netdev.SOCK_STREAM)
		names = append(names, filepath.Join(t.TempDir(), "s"), "@tinynet-hostnet-test")
	}
	for i, stype := range types {
		name := names[i]
		l, err := d.Socket(netdev.AF_UNIX, stype, 0)
		check(t, err)
		check(t, d.BindUnix(l, name))
		check(t, d.Listen(l, 1))
		if got, err := d.LocalUnix(l); err != nil || got != name {
			t.Errorf("LocalUnix: %q, %v; want %q", got, err, name)
		}
		network := "unix"
		if stype == netdev.SOCK_SEQPACKET {
			network = "unixpacket"
		}
		peer, err := net.Dial(network, name)
		check(t, err)
		fd, from, err := d.AcceptUnix(l)
		check(t, err)
		if from != "" && from != "@" {
			t.Errorf("a peer without a path has %q", from)
		}
		peer.Write([]byte("hello"))
		peer.Close()
		buf := make([]byte, 10)
		n, err := d.Recv(fd, buf, 0, time.Time{})
		check(t, err)
		if string(buf[:n]) != "hello" {
			t.Errorf("received %q", buf[:n])
		}
		check(t, d.Close(fd))

		c, err := d.Socket(netdev.AF_UNIX, stype, 0)
		check(t, err)
		check(t, d.ConnectUnix(c, name))
		if got, err := d.PeerUnix(c); err != nil || got != name {
			t.Errorf("PeerUnix: %q, %v; want %q", got, err, name)
		}
		check(t, d.Close(c))
		check(t, d.Close(l))
	}
	c := stream(t, d, loopback4)
	defer d.Close(c)
	if err := d.ConnectUnix(c, names[0]); !errors.Is(err, syscall.EAFNOSUPPORT) {
		t.Errorf("a path for a TCP socket: %v, want EAFNOSUPPORT", err)
	}
	u, err := d.Socket(netdev.AF_UNIX, netdev.SOCK_STREAM, 0)
	check(t, err)
	defer d.Close(u)
	if err := d.ConnectUnix(u, names[0]+"-missing"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("nothing there: %v, want ErrNotExist", err)
	}
	if err := d.ConnectUnix(u, string(bytes.Repeat([]byte("x"), 300))); !errors.Is(err, syscall.EINVAL) {
		t.Errorf("a path of 300 bytes: %v, want EINVAL", err)
	}
}

func TestUnixDatagrams(t *testing.T) {
	d := New()
	dir := t.TempDir()
	fd, err := d.Socket(netdev.AF_UNIX, netdev.SOCK_DGRAM, 0)
	check(t, err)
	defer d.Close(fd)
	name := filepath.Join(dir, "d")
	check(t, d.BindUnix(fd, name))

	peerName := filepath.Join(dir, "p")
	names := []string{peerName, "", peerName}
	if runtime.GOOS == "linux" {
		names = append(names, "@tinynet-longer", "@tinynet")
	}
	for _, from := range names {
		peer, err := d.Socket(netdev.AF_UNIX, netdev.SOCK_DGRAM, 0)
		check(t, err)
		if from != "" {
			check(t, d.BindUnix(peer, from))
		}
		_, err = d.SendToUnix(peer, []byte("hello"), 0, name, time.Time{})
		check(t, err)
		buf := make([]byte, 10)
		n, got, err := d.RecvFromUnix(fd, buf, 0, time.Time{})
		check(t, err)
		if string(buf[:n]) != "hello" || got != from {
			t.Errorf("%q from %q, want hello from %q", buf[:n], got, from)
		}
		check(t, d.Close(peer))
		os.Remove(peerName)
	}
}

func TestFile(t *testing.T) {
	d := New()
	fd, peer := connected(t, d, loopback4)
	defer peer.Close()
	dup, err := d.File(fd)
	check(t, err)
	check(t, d.Close(fd))
	// The duplicate is the connection still, for stock net too.
	f := os.NewFile(dup, "dup")
	conn, err := net.FileConn(f)
	check(t, err)
	_, err = conn.Write([]byte("x"))
	check(t, err)
	_, err = peer.Read(make([]byte, 1))
	check(t, err)
	conn.Close()

	before := descriptors(t)
	n, domain, stype, err := d.FromFile(f.Fd())
	check(t, err)
	if domain != netdev.AF_INET || stype != netdev.SOCK_STREAM {
		t.Errorf("domain %d, type %d", domain, stype)
	}
	f.Close()
	peer.Write([]byte("y"))
	_, err = d.Recv(n, make([]byte, 1), 0, time.Time{})
	check(t, err)
	check(t, d.Close(n))
	if after := descriptors(t); after >= before {
		t.Errorf("%d descriptors, %d before one of them was closed", after, before)
	}
}

func TestNoAllocation(t *testing.T) {
	d := New()
	fd, peer := connected(t, d, loopback4)
	defer d.Close(fd)
	defer peer.Close()
	a, to := datagrams(t, d, loopback4)
	defer d.Close(a)
	buf := make([]byte, 1000)
	run := func(name string, f func()) {
		t.Run(name, func(t *testing.T) {
			if n := testing.AllocsPerRun(200, f); n != 0 {
				t.Errorf("%v allocations", n)
			}
		})
	}
	deadline := time.Now().Add(time.Hour)
	run("Send and Recv", func() {
		d.Send(fd, buf, 0, time.Time{})
		peer.Read(buf)
		peer.Write(buf)
		d.Recv(fd, buf, 0, time.Time{})
	})
	run("with deadlines", func() {
		d.SetReadDeadline(fd, deadline)
		d.SetWriteDeadline(fd, deadline)
		d.Send(fd, buf, 0, deadline)
		peer.Read(buf)
		peer.Write(buf)
		d.Recv(fd, buf, 0, deadline)
	})
	if runtime.GOOS != "linux" || runtime.GOARCH == "386" {
		t.Log("datagrams allocate their sender's address on this system")
		return
	}
	run("SendTo and RecvFrom", func() {
		d.SendTo(a, buf, 0, to, deadline)
		_, from, _ := d.RecvFrom(a, buf, 0, deadline)
		if from != to {
			t.Fatal(from)
		}
	})
}

// A socket sends to paths of any length, the longer one first.
func TestUnixDatagramsToSeveral(t *testing.T) {
	d := New()
	dir := t.TempDir()
	sender, err := d.Socket(netdev.AF_UNIX, netdev.SOCK_DGRAM, 0)
	check(t, err)
	defer d.Close(sender)
	for _, name := range []string{"a-longer-name", "short", "s"} {
		fd, err := d.Socket(netdev.AF_UNIX, netdev.SOCK_DGRAM, 0)
		check(t, err)
		defer d.Close(fd)
		path := filepath.Join(dir, name)
		check(t, d.BindUnix(fd, path))
		if _, err := d.SendToUnix(sender, []byte(name), 0, path, time.Time{}); err != nil {
			t.Errorf("to %s: %v", name, err)
		}
	}
}
