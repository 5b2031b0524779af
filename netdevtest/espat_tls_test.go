package netdevtest

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"testing"
	"time"

	"tinynet/espat"
	"tinynet/netdev"
	modem "tinynet/sim/espat"
	"tinynet/sim/network"
)

// tlsEcho is a TLS server at the peer that echoes, and tells the name that each client
// asked for. The function ends it.
func tlsEcho(t *testing.T, l net.Listener, cfg *tls.Config) (names chan string, stop func()) {
	names = make(chan string, 100)
	var serving sync.WaitGroup
	serve := func(c net.Conn) {
		defer serving.Done()
		c.SetDeadline(time.Now().Add(time.Minute))
		s := tls.Server(c, cfg)
		defer s.Close()
		if s.Handshake() == nil {
			names <- s.ConnectionState().ServerName
		}
		io.Copy(s, s)
	}
	serving.Add(1)
	go func() {
		defer serving.Done()
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			serving.Add(1)
			go serve(c)
		}
	}()
	return names, func() { l.Close(); serving.Wait() }
}

// dialTLS opens a socket that the module encrypts.
func dialTLS(t *testing.T, dev netdev.Netdever, host string, to netip.AddrPort) (int, error) {
	t.Helper()
	fd, err := dev.Socket(netdev.AF_INET, netdev.SOCK_STREAM, netdev.IPPROTO_TLS)
	check(t, err)
	return fd, dev.Connect(fd, host, to)
}

// echoTLS sends what is to come back.
func echoTLS(t *testing.T, dev netdev.Netdever, fd int, want []byte) {
	t.Helper()
	sent := make(chan error, 1)
	go func() { _, err := dev.Send(fd, want, 0, time.Time{}); sent <- err }()
	got, buf := make([]byte, 0, len(want)), make([]byte, 3000)
	for len(got) < len(want) {
		n, err := dev.Recv(fd, buf, 0, time.Now().Add(20*time.Second))
		check(t, err)
		got = append(got, buf[:n]...)
	}
	check(t, <-sent)
	if !bytes.Equal(got, want) {
		t.Error("the echo differs")
	}
}

// A socket that the module encrypts asks for the host by its name, reaches it, and, if
// certificates are checked, nobody else.
func TestESPATTLSClient(t *testing.T) {
	cert, roots := certificate(t, "host")
	everyESPAT(t, func(t *testing.T, version string) {
		for _, verify := range []bool{false, true} {
			b := startESPAT(t, network.VirtualConfig{RTT: 5 * time.Millisecond, Hosts: map[string]netip.Addr{"other": network.HostAddr}},
				modem.Config{Version: version, Roots: roots}, func(c *espat.Config) {
					if verify {
						c.TLS = &espat.TLS{Verify: true}
					}
				})
			defer b.close()
			l, err := b.net.Host().Listen(443)
			check(t, err)
			names, stop := tlsEcho(t, l, &tls.Config{Certificates: []tls.Certificate{cert}, MaxVersion: tls.VersionTLS12})
			defer stop()
			dial := func(host string) (int, error) {
				return dialTLS(t, b.dev, host, netip.AddrPortFrom(network.HostAddr, 443))
			}
			if verify {
				// To check a certificate the module needs the time, which it asks for by itself.
				time.Sleep(3 * time.Second)
			}
			if version == "esp8266-1.7" && verify {
				// It cannot check the name in a certificate, so that it connects to nobody.
				fd, err := dial("host")
				if err == nil {
					t.Error("a name that cannot be checked was taken")
				}
				check(t, b.dev.Close(fd))
				continue
			}
			for round := range 3 { // the links are freed
				fd, err := dial("host")
				check(t, err)
				if name := <-names; name != "host" && version != "esp8266-1.7" {
					t.Errorf("the server was asked for %q", name)
				}
				echoTLS(t, b.dev, fd, payload(uint64(round), 20_000))
				check(t, b.dev.Close(fd))
			}
			// The same machine by a name that its certificate does not have.
			fd, err := dial("other")
			if verify && !errors.Is(err, netdev.ErrConnRefused) || !verify && err != nil {
				t.Errorf("a host with another's certificate, verify %v: %v", verify, err)
			}
			check(t, b.dev.Close(fd))
			// Nobody there; and one that talks no TLS.
			plain, err := b.net.Host().Listen(80)
			check(t, err)
			go func() {
				if c, err := plain.Accept(); err == nil {
					c.Write([]byte("220 hello\r\n"))
					c.Close()
				}
			}()
			for _, port := range []uint16{81, 80} {
				fd, err := dialTLS(t, b.dev, "host", netip.AddrPortFrom(network.HostAddr, port))
				if !errors.Is(err, netdev.ErrConnRefused) {
					t.Errorf("port %d: %v, want ErrConnRefused", port, err)
				}
				check(t, b.dev.Close(fd))
			}
			plain.Close()
		}
	})
}

// The ESP8266 has memory for one encrypted connection; the second is refused, and the
// first does not suffer.
func TestESPATOneTLSLinkOnESP8266(t *testing.T) {
	cert, _ := certificate(t, "host")
	everyESPAT(t, func(t *testing.T, version string) {
		b := startESPAT(t, network.VirtualConfig{}, modem.Config{Version: version})
		defer b.close()
		l, err := b.net.Host().Listen(443)
		check(t, err)
		_, stop := tlsEcho(t, l, &tls.Config{Certificates: []tls.Certificate{cert}, MaxVersion: tls.VersionTLS12})
		defer stop()
		to := netip.AddrPortFrom(network.HostAddr, 443)
		first, err := dialTLS(t, b.dev, "host", to)
		check(t, err)
		second, err := dialTLS(t, b.dev, "host", to)
		if onESP8266(version) != (err != nil) {
			t.Errorf("the second: %v", err)
		}
		echoTLS(t, b.dev, first, payload(1, 5000))
		check(t, b.dev.Close(second))
		check(t, b.dev.Close(first))
		again, err := dialTLS(t, b.dev, "host", to)
		check(t, err)
		check(t, b.dev.Close(again))
	})
}

// A TLS server of the module's accepts, and asks its clients for certificates if it is
// told to. Where the firmware has none, that is said.
func TestESPATTLSServer(t *testing.T) {
	serverCert, serverRoots := certificate(t, "board")
	clientCert, clientRoots := certificate(t, "client")
	everyESPAT(t, func(t *testing.T, version string) {
		for _, verify := range []bool{false, true} {
			b := startESPAT(t, network.VirtualConfig{RTT: 5 * time.Millisecond},
				modem.Config{Version: version, ServerCert: &serverCert, Roots: clientRoots},
				func(c *espat.Config) { c.TLS = &espat.TLS{ServerVerify: verify} })
			defer b.close()
			fd, err := b.dev.Socket(netdev.AF_INET, netdev.SOCK_STREAM, netdev.IPPROTO_TLS)
			check(t, err)
			check(t, b.dev.Bind(fd, netip.AddrPortFrom(netip.IPv4Unspecified(), 443)))
			err = b.dev.Listen(fd, 4)
			if onESP8266(version) || version == "esp32-2.0" {
				if !errors.Is(err, netdev.ErrNotSupported) {
					t.Errorf("Listen: %v, want ErrNotSupported", err)
				}
				check(t, b.dev.Close(fd))
				continue
			}
			check(t, err)
			dial := func(certs ...tls.Certificate) (*tls.Conn, error) {
				c, err := b.net.Host().Dial(t.Context(), boardPort(t, b.setup(), 443))
				check(t, err)
				c.SetDeadline(time.Now().Add(30 * time.Second))
				s := tls.Client(c, &tls.Config{RootCAs: serverRoots, ServerName: "board", Certificates: certs})
				return s, s.HandshakeContext(context.Background())
			}
			for round := range 3 {
				accepted := make(chan int, 1)
				go func() {
					in, from, err := b.dev.Accept(fd)
					if err != nil || from.Addr() != network.HostAddr {
						t.Errorf("accepted from %v, %v", from, err)
					}
					accepted <- in
				}()
				c, err := dial(clientCert)
				check(t, err)
				in := <-accepted
				want := payload(uint64(round), 10_000)
				go c.Write(want)
				got, buf := []byte(nil), make([]byte, 2000)
				for len(got) < len(want) {
					n, err := b.dev.Recv(in, buf, 0, time.Now().Add(10*time.Second))
					check(t, err)
					got = append(got, buf[:n]...)
				}
				if !bytes.Equal(got, want) {
					t.Error("the board received something else")
				}
				go b.dev.Send(in, want, 0, time.Time{})
				got = make([]byte, len(want))
				_, err = io.ReadFull(c, got)
				check(t, err)
				if !bytes.Equal(got, want) {
					t.Error("the client received something else")
				}
				if round%2 == 0 {
					c.Close()
				}
				check(t, b.dev.Close(in))
				c.Close()
			}
			if verify {
				c, err := dial() // without a certificate
				if err == nil {
					_, err = c.Read(make([]byte, 1))
				}
				if err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
					t.Errorf("a client without a certificate was taken: %v", err)
				}
				c.Close()
			}
			check(t, b.dev.Close(fd))
		}
	})
}
