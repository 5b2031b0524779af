package nina

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tinynet/sim/clock"
	"tinynet/sim/network"
)

// authority is a certificate authority of the test's own.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// A bubble's time begins in 2000.
var tlsEpoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

func newAuthority() *authority {
	return authorityFor(tlsEpoch.AddDate(-20, 0, 0), tlsEpoch.AddDate(100, 0, 0))
}

func authorityFor(from, to time.Time) *authority {
	key, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	a := &authority{key: key}
	a.cert = a.sign(key, caTemplate(from, to)).Leaf
	return a
}

func caTemplate(from, to time.Time) *x509.Certificate {
	return &x509.Certificate{
		Subject: pkix.Name{CommonName: "test CA"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
		NotBefore: from, NotAfter: to,
	}
}

// delegate makes an authority that this one has signed.
func (a *authority) delegate(from, to time.Time) *authority {
	key, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	c := caTemplate(from, to)
	c.Subject.CommonName = "intermediate CA"
	return &authority{cert: a.sign(key, c).Leaf, key: key}
}

func (a *authority) sign(key *ecdsa.PrivateKey, c *x509.Certificate) tls.Certificate {
	c.SerialNumber = big.NewInt(1)
	parent := a.cert
	if parent == nil {
		parent = c
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, a.key)
	if err != nil {
		panic(err)
	}
	leaf, _ := x509.ParseCertificate(der)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// issue makes a certificate with names or addresses.
func (a *authority) issue(names ...string) tls.Certificate {
	return a.issueFor(tlsEpoch.AddDate(-1, 0, 0), tlsEpoch.AddDate(100, 0, 0), names...)
}

func (a *authority) issueFor(from, to time.Time, names ...string) tls.Certificate {
	key, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	c := &x509.Certificate{
		NotBefore: from, NotAfter: to,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	for _, n := range names {
		if ip := net.ParseIP(n); ip != nil {
			c.IPAddresses = append(c.IPAddresses, ip)
		} else if cn, ok := strings.CutPrefix(n, "CN="); ok {
			c.Subject.CommonName = cn
		} else {
			c.DNSNames = append(c.DNSNames, n)
		}
	}
	return a.sign(key, c)
}

func (a *authority) pool() *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(a.cert)
	return p
}

var ca = newAuthority()

// tlsRig is a chip on the network in memory, with TLS servers on it.
type tlsRig struct {
	*rig
	v *network.Virtual
}

// runTLS is run on a virtual network, joined. The server's name is "web", at
// 10.0.0.9.
func runTLS(t *testing.T, cfg Config, test func(r *tlsRig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := &tlsRig{v: network.NewVirtual(network.VirtualConfig{
			Clock: clock.Virtual(), RTT: 5 * time.Millisecond,
			Hosts: map[string]netip.Addr{"web": netip.MustParseAddr("10.0.0.9"), "other": netip.MustParseAddr("10.0.0.9")},
		})}
		if cfg.Roots == nil {
			cfg.Roots = ca.pool()
		}
		r.rig = newRig(t, cfg)
		r.rig.c.Close()
		cfg.Clock = clock.Virtual()
		cfg.Attach = r.v.Station
		cfg.Trace = func(e Event) { r.trace = append(r.trace, e.String()) }
		r.rig.c = New(cfg)
		time.Sleep(750 * time.Millisecond)
		r.ask(0x10, []byte("home"))
		time.Sleep(2 * time.Second)
		r.is("status", r.status(), 3)
		test(r)
	})
}

// tlsServer accepts connections at 10.0.0.9:443.
type tlsServer struct {
	r     *tlsRig
	l     net.Listener
	conns chan *tls.Conn // whose handshake has succeeded
	raw   chan net.Conn  // below them
	names chan string    // that clients have asked for
}

func (r *tlsRig) server(cert tls.Certificate, change ...func(*tls.Config)) *tlsServer {
	r.Helper()
	return r.serverAt("10.0.0.9", cert, change...)
}

func (r *tlsRig) serverAt(at string, cert tls.Certificate, change ...func(*tls.Config)) *tlsServer {
	r.Helper()
	l, err := r.v.HostAt(netip.MustParseAddr(at)).Listen(443)
	if err != nil {
		r.Fatal(err)
	}
	s := &tlsServer{r: r, l: l, conns: make(chan *tls.Conn, 10), raw: make(chan net.Conn, 10), names: make(chan string, 10)}
	var open []net.Conn
	r.Cleanup(func() {
		l.Close()
		for _, c := range open {
			c.Close()
		}
	})
	cfg := &tls.Config{MinVersion: tls.VersionTLS10, GetCertificate: func(h *tls.ClientHelloInfo) (*tls.Certificate, error) {
		s.names <- h.ServerName
		return &cert, nil
	}}
	for _, f := range change {
		f(cfg)
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			open = append(open, c)
			go func() {
				k := tls.Server(c, cfg)
				if k.Handshake() != nil {
					c.Close()
					return
				}
				s.raw <- c
				s.conns <- k
			}()
		}
	}()
	return s
}

// dialName and dialAddr are 2D in mode 2; nil if it fails.
func (r *tlsRig) dialName(slot byte, name string) []byte {
	r.Helper()
	return r.ask(0x2d, []byte(name), b(0, 0, 0, 0), b(1, 187), b(slot), b(2))
}

func (r *tlsRig) dialAddr(slot byte, ip ...byte) []byte {
	r.Helper()
	return r.ask(0x2d, ip, b(1, 187), b(slot), b(2))
}

// secure opens a connection in a slot and returns the server's end.
func (r *tlsRig) secure(s *tlsServer, slot byte) *tls.Conn {
	r.Helper()
	r.is("2D", r.dialName(slot, "web"), []byte{1})
	return <-s.conns
}

func TestTLSByName(t *testing.T) {
	runTLS(t, Config{}, func(r *tlsRig) {
		s := r.server(ca.issue("web"))
		start := time.Now()
		// Example 6 of the fact sheet, with another name.
		r.x("E0 2D 05 03 77 65 62 04 00 00 00 00 02 01 BB 01 00 01 02 EE", "E0 AD 01 01 01 EE 00 00")
		r.is("took 1.2 s and more", time.Since(start) > 1200*time.Millisecond && time.Since(start) < 1300*time.Millisecond, true)
		r.is("name asked for", <-s.names, "web")
		peer := <-s.conns
		r.is("version", peer.ConnectionState().Version, tls.VersionTLS12)
		r.is("free slot", r.socket(), 1)

		r.is("send", r.send(0, "hello"), 5)
		buf := make([]byte, 100)
		n, _ := peer.Read(buf)
		r.is("server read", string(buf[:n]), "hello")
		r.x("E0 3A 01 01 00 EE FF FF", "E0 BA 02 04 0A 00 00 09 02 01 BB EE")

		// 2B counts one record, and 45 reads no further.
		peer.Write([]byte("first"))
		peer.Write([]byte("second"))
		r.settle()
		r.is("GPIO0", r.gpio0(), true)
		r.is("available", r.avail(0), 5)
		r.is("part", r.recv(0, 2), "fi")
		r.is("available", r.avail(0), 3)
		r.is("rest", r.recv(0, 100), "rst")
		r.is("next", r.recv(0, 100), "second")
		r.is("nothing", r.recv(0, 100), "")
		r.settle()
		r.is("GPIO0", r.gpio0(), false)
		r.is("state", r.state(0), 4)

		// 2E sends FIN, and no close_notify.
		r.stop(0)
		_, err := peer.Read(buf)
		r.is("server's end", errors.Is(err, io.ErrUnexpectedEOF) || err == io.EOF, true)
		r.is("sockets", r.sockets(), 0)
	})
}

// The first 2F after close_notify still says 4.
func TestTLSCloseNotify(t *testing.T) {
	runTLS(t, Config{}, func(r *tlsRig) {
		s := r.server(ca.issue("web"))
		peer := r.secure(s, 0)
		peer.Write([]byte("bye"))
		peer.CloseWrite()
		r.settle()
		r.is("state with data unread", r.state(0), 4)
		r.is("read", r.recv(0, 10), "bye")
		r.is("state", r.state(0), 4)
		r.is("state again", r.state(0), 0)
		r.is("free slot", r.socket(), 0)
		r.is("sockets", r.sockets(), 0)
	})
	// The GPIO0 task stops the client too; then 2F has nothing to find.
	runTLS(t, Config{}, func(r *tlsRig) {
		peer := r.secure(r.server(ca.issue("web")), 0)
		peer.CloseWrite()
		r.settle()
		r.is("sockets", r.sockets(), 0)
		r.is("state", r.state(0), 0)
	})
}

// FIN without close_notify is never noticed.
func TestTLSFINAloneGoesUnnoticed(t *testing.T) {
	runTLS(t, Config{}, func(r *tlsRig) {
		s := r.server(ca.issue("web"))
		r.secure(s, 0)
		(<-s.raw).Close()
		time.Sleep(time.Hour)
		for range 3 {
			r.is("state", r.state(0), 4)
			r.is("read", r.recv(0, 10), "")
		}
	})
}

// Where the scan does not get to the slot, since a lower one has data, 2F is
// the first to look. Adafruit's 3.3 says 0 at once.
func TestTLSCloseNotifyBehindALowerSlot(t *testing.T) {
	for fw, first := range map[string]byte{Arduino20: 4, Adafruit17: 4, Adafruit33: 0} {
		runTLS(t, Config{Firmware: fw}, func(r *tlsRig) {
			l, err := r.v.Host().Listen(80)
			if err != nil {
				r.Fatal(err)
			}
			defer l.Close()
			r.is("TCP", r.ask(0x2d, b(10, 0, 0, 1), b(0, 80), b(0), b(0)), []byte{1})
			c, _ := l.Accept()
			defer c.Close()
			peer := r.secure(r.server(ca.issue("web")), 1)
			c.Write([]byte("unread"))
			r.settle()
			peer.CloseWrite()
			r.settle()
			r.is(fw, r.state(1), first)
			r.is("second", r.state(1), 0)
		})
	}
}

func TestTLSResetEndsTheConnection(t *testing.T) {
	runTLS(t, Config{}, func(r *tlsRig) {
		r.secure(r.server(ca.issue("web")), 0)
		r.v.ResetConnections()
		r.settle()
		r.is("state", r.state(0), 0)
		r.is("send", r.send(0, "x"), 0)
	})
}

func TestTLSDropEndsTheConnection(t *testing.T) {
	runTLS(t, Config{}, func(r *tlsRig) {
		r.secure(r.server(ca.issue("web")), 0)
		r.v.SetAccessPoint(false)
		r.settle()
		r.is("status", r.status(), 6)
		r.is("state", r.state(0), 0)
		r.is("sockets", r.sockets(), 0)
	})
}

func TestTLSTrustsOnlyItsRoots(t *testing.T) {
	for name, c := range map[string]struct {
		roots *x509.CertPool
		cert  tls.Certificate
		ok    bool
	}{
		"trusted":                {ca.pool(), ca.issue("web"), true},
		"wildcard":               {ca.pool(), ca.issue("*.web"), false},
		"empty store":            {x509.NewCertPool(), ca.issue("web"), false},
		"other authority":        {ca.pool(), newAuthority().issue("web"), false},
		"other name":             {ca.pool(), ca.issue("wob"), false},
		"common name":            {ca.pool(), ca.issue("CN=web"), true},
		"common name beside DNS": {ca.pool(), ca.issue("CN=web", "wob"), false},
		// Dates are not checked.
		"expired":       {ca.pool(), ca.issueFor(tlsEpoch.AddDate(-3, 0, 0), tlsEpoch.AddDate(-2, 0, 0), "web"), true},
		"not yet valid": {ca.pool(), ca.issueFor(tlsEpoch.AddDate(30, 0, 0), tlsEpoch.AddDate(31, 0, 0), "web"), true},
	} {
		t.Run(name, func(t *testing.T) {
			runTLS(t, Config{Roots: c.roots}, func(r *tlsRig) {
				r.server(c.cert)
				r.is("2D", r.dialName(0, "web") != nil, c.ok)
				if !c.ok {
					r.is("noted", r.traced("TLS handshake with 10.0.0.9:443"), true)
					r.is("free slot", r.socket(), 0)
					r.is("sockets", r.sockets(), 0)
				}
			})
		})
	}
}

// Dates count nowhere in a chain: neither those of an authority between, nor a
// root's, if that was valid when the server's certificate was.
func TestTLSIgnoresDatesOfAuthorities(t *testing.T) {
	year := func(n int) time.Time { return tlsEpoch.AddDate(n, 0, 0) }
	between := ca.delegate(year(-9), year(-8))
	chain := between.issueFor(year(-3), year(3), "web")
	chain.Certificate = append(chain.Certificate, between.cert.Raw)
	old := authorityFor(year(-9), year(-1))
	for name, c := range map[string]struct {
		roots *x509.CertPool
		cert  tls.Certificate
	}{
		"between": {ca.pool(), chain},
		"root":    {old.pool(), old.issueFor(year(-3), year(3), "web")},
	} {
		runTLS(t, Config{Roots: c.roots}, func(r *tlsRig) {
			r.server(c.cert)
			r.is(name, r.dialName(0, "web"), []byte{1})
		})
	}
}

// No root store is not the system's.
func TestTLSWithoutARootStore(t *testing.T) {
	file := filepath.Join(t.TempDir(), "roots.pem")
	cert, _ := pemOf(ca.issue("web"))
	cert = append(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.cert.Raw})...)
	if err := os.WriteFile(file, cert, 0o666); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SSL_CERT_FILE", file)
	leaf := ca.issue("web").Leaf
	if err := verify([]*x509.Certificate{leaf}, nil, "web", tlsEpoch, true, false); err == nil {
		t.Error("a certificate is trusted without a root store")
	}
	if err := verify([]*x509.Certificate{leaf}, ca.pool(), "web", tlsEpoch, true, false); err != nil {
		t.Error(err)
	}
}

func TestTLSVersions(t *testing.T) {
	for v, ok := range map[uint16]bool{tls.VersionTLS10: true, tls.VersionTLS11: true, tls.VersionTLS12: true, tls.VersionTLS13: false} {
		t.Run(tls.VersionName(v), func(t *testing.T) {
			runTLS(t, Config{}, func(r *tlsRig) {
				s := r.server(ca.issue("web"), func(c *tls.Config) { c.MinVersion, c.MaxVersion = v, v })
				r.is("2D", r.dialName(0, "web") != nil, ok)
				if !ok {
					return
				}
				r.is("send", r.send(0, "hello"), 5)
				buf := make([]byte, 5)
				io.ReadFull(<-s.conns, buf)
				r.is("server read", string(buf), "hello")
			})
		})
	}
}

// In the address form the octets are printed in reverse: the connection goes
// to another machine. There is no server name, and no name is checked.
func TestTLSByAddressReversesIt(t *testing.T) {
	runTLS(t, Config{}, func(r *tlsRig) {
		s := r.serverAt("9.0.0.10", ca.issue("whoever"))
		r.is("2D to 10.0.0.9", r.dialAddr(0, 10, 0, 0, 9), []byte{1})
		r.is("server name", <-s.names, "")
		<-s.conns
	})
	runTLS(t, Config{}, func(r *tlsRig) {
		r.server(ca.issue("whoever"))
		start := time.Now()
		r.is("2D to 10.0.0.9", r.dialAddr(0, 10, 0, 0, 9) == nil, true)
		r.is("nobody answers", time.Since(start) > 18*time.Second, true)
		r.is("2D to 9.0.0.10", r.dialAddr(0, 9, 0, 0, 10), []byte{1})
	})
}

// The handshake has no timeout: READY stays high until the link goes down.
func TestTLSHandshakeHasNoTimeout(t *testing.T) {
	runTLS(t, Config{}, func(r *tlsRig) {
		l, err := r.v.HostAt(netip.MustParseAddr("10.0.0.9")).Listen(443)
		if err != nil {
			r.Fatal(err)
		}
		defer l.Close()
		r.command(build(0x2d, []byte("web"), b(0, 0, 0, 0), b(1, 187), b(0), b(2)))
		time.Sleep(24 * time.Hour)
		r.is("READY", r.c.Ready().Get(), true)
		r.v.SetAccessPoint(false)
		time.Sleep(time.Second)
		r.is("READY", r.c.Ready().Get(), false)
		r.is("answer", r.answer() == nil, true)
	})
}

func TestTLSUnknownHostAndRefusedPort(t *testing.T) {
	runTLS(t, Config{}, func(r *tlsRig) {
		r.is("unknown", r.dialName(0, "nobody") == nil, true)
		r.is("refused", r.dialAddr(0, 1, 0, 0, 10) == nil, true)
		r.is("sockets", r.sockets(), 0)
	})
}

// A record goes whole or the answer is 0; then the same bytes have to come
// again, which send the rest of it.
func TestTLSWriteIsWholeOrNothing(t *testing.T) {
	runTLS(t, Config{}, func(r *tlsRig) {
		s := r.server(ca.issue("web"))
		peer := r.secure(s, 0)
		r.v.SetReadRate(1) // 64 KB of window, then nothing
		var sent []byte
		chunk := make([]byte, 4000)
		refused := 0
		for i := 0; refused < 3; i++ {
			for j := range chunk {
				chunk[j] = byte(i)
			}
			switch n := r.send(0, string(chunk)); n {
			case 0:
				refused++
				i--
			case len(chunk):
				sent = append(sent, chunk...)
				refused = 0
			default:
				r.Fatalf("%d bytes of a record of %d were taken", n, len(chunk))
			}
			time.Sleep(10 * time.Millisecond)
		}
		r.is("alive", r.state(0), 4)
		last := chunk[0]
		// Other bytes of the same length are taken for those that were refused.
		for i := range chunk {
			chunk[i] = 'X'
		}
		r.v.SetReadRate(0)
		got := make(chan []byte)
		go func() {
			p, _ := io.ReadAll(peer)
			got <- p
		}()
		for r.send(0, string(chunk)) == 0 {
			time.Sleep(10 * time.Millisecond)
		}
		sent = append(sent, bytes.Repeat([]byte{last}, 4000)...)
		time.Sleep(time.Second)
		r.stop(0)
		r.is("the server has it all, once", bytes.Equal(<-got, sent), true)
	})
}

// A peeked byte is there for 2C only.
func TestTLSPeekedByteIsLostTo45(t *testing.T) {
	runTLS(t, Config{}, func(r *tlsRig) {
		peer := r.secure(r.server(ca.issue("web")), 0)
		peer.Write([]byte("abc"))
		r.settle()
		r.is("peek", r.ask(0x2c, b(0), b(1))[0], 'a')
		r.is("peek again", r.ask(0x2c, b(0), b(1))[0], 'a')
		r.is("available", r.avail(0), 2)
		r.is("read", r.recv(0, 10), "bc")
		r.is("get", r.ask(0x2c, b(0), b(0))[0], 'a')
		r.is("get", r.ask(0x2c, b(0), b(0))[0], 255)
		// It even outlives the connection.
		peer.Write([]byte("d"))
		r.settle()
		r.is("peek", r.ask(0x2c, b(0), b(1))[0], 'd')
		r.stop(0)
		r.is("2D", r.dialName(0, "web"), []byte{1})
		r.is("get", r.ask(0x2c, b(0), b(0))[0], 'd')
	})
}

func TestTLSMemoryIsFor3(t *testing.T) {
	runTLS(t, Config{}, func(r *tlsRig) {
		s := r.server(ca.issue("web"))
		for i := range byte(3) {
			r.secure(s, i)
		}
		r.is("fourth", r.dialName(3, "web") == nil, true)
		r.is("noted", r.traced("no memory for another TLS connection"), true)
		r.stop(1)
		r.secure(s, 3)
	})
}

// 2D does not close what the slot held: that socket leaks.
func TestTLSConnectInATakenSlotLeaks(t *testing.T) {
	runTLS(t, Config{}, func(r *tlsRig) {
		s := r.server(ca.issue("web"))
		r.secure(s, 0)
		r.secure(s, 0)
		r.stop(0)
		r.is("sockets", r.sockets(), 1)
	})
}

// Mode 4 is one connection for all slots; it checks dates, and the peer's FIN
// is enough.
func TestBearSSL(t *testing.T) {
	bear := func(r *tlsRig, slot byte) []byte {
		return r.ask(0x2d, []byte("web"), b(0, 0, 0, 0), b(1, 187), b(slot), b(4))
	}
	runTLS(t, Config{}, func(r *tlsRig) {
		s := r.server(ca.issue("web"))
		start := time.Now()
		r.is("2D", bear(r, 0), []byte{1})
		r.is("it waits for the time", time.Since(start) > 2*time.Second, true)
		r.is("name asked for", <-s.names, "web")
		peer := <-s.conns
		r.is("send", r.send(0, "hello"), 5)
		buf := make([]byte, 5)
		io.ReadFull(peer, buf)
		r.is("server read", string(buf), "hello")
		peer.Write([]byte("data"))
		r.settle()
		r.is("GPIO0", r.gpio0(), true)
		r.is("peek", r.ask(0x2c, b(0), b(1))[0], 'd')
		r.is("read, the peeked byte too", r.recv(0, 10), "data")
		r.is("read again", r.recv(0, 10), "")
		r.is("state", r.state(0), 4)
		(<-s.raw).Close()
		r.settle()
		r.is("state", r.state(0), 0)

		r.is("2D", bear(r, 1), []byte{1})
		first := <-s.conns
		r.is("2D in another slot", bear(r, 2), []byte{1})
		second := <-s.conns
		r.is("send in the first slot", r.send(1, "x"), 1)
		n, _ := second.Read(buf)
		r.is("it came on the second connection", string(buf[:n]), "x")
		first.Close()
		r.is("by address, in order", r.ask(0x2d, b(10, 0, 0, 9), b(1, 187), b(3), b(4)), []byte{1})
	})
	runTLS(t, Config{}, func(r *tlsRig) {
		r.server(ca.issueFor(tlsEpoch.AddDate(-3, 0, 0), tlsEpoch.AddDate(-2, 0, 0), "web"))
		r.is("expired", bear(r, 0) == nil, true)
	})
}

func TestTLSUnknownModes(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.join()
		r.x("E0 2D 04 04 C0 A8 01 0A 02 1F 90 01 00 01 03 EE", "E0 AD 00 EE")
		r.is("free slot", r.socket(), 0)
	})
	for _, fw := range []string{Adafruit17} {
		run(t, Config{Firmware: fw}, func(r *rig) {
			r.join()
			r.st.open[addr("10.0.0.9:443")] = true
			r.is("mode 4", r.ask(0x2d, b(10, 0, 0, 9), b(1, 187), b(0), b(4)) == nil, true)
			r.is("connections", len(r.st.conns), 0)
		})
	}
}

// Adafruit's forks.

func pemOf(c tls.Certificate) (cert, key []byte) {
	der, _ := x509.MarshalECPrivateKey(c.PrivateKey.(*ecdsa.PrivateKey))
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Certificate[0]}),
		pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der})
}

// give sends a certificate or key as Adafruit's host libraries do: a 16-bit
// length would put its first byte out of place, so the length is of one byte.
func (r *tlsRig) give(command byte, pem []byte) {
	r.Helper()
	f := append([]byte{0xe0, command, 1, byte(len(pem))}, pem...)
	f = append(f, 0, 0xee)
	for len(f)%4 != 0 {
		f = append(f, 0xff)
	}
	r.command(f)
	r.is("answer", r.answer(), []byte{1})
}

// With 1.7.7 a handshake that fails goes on for two minutes and is then
// reported as a success; only 2F tells.
func TestTLSFailureOfAdafruit17(t *testing.T) {
	runTLS(t, Config{Firmware: Adafruit17}, func(r *tlsRig) {
		r.server(newAuthority().issue("web"))
		start := time.Now()
		r.is("2D", r.dialName(0, "web"), []byte{1})
		r.is("after two minutes", time.Since(start) > 120*time.Second, true)
		r.is("free slot", r.socket(), 1)
		r.is("state", r.state(0), 0)
		r.is("free slot", r.socket(), 0)
	})
	runTLS(t, Config{Firmware: Adafruit17}, func(r *tlsRig) {
		s := r.serverAt("9.0.0.10", ca.issue("9.0.0.10", "CN=9.0.0.10"))
		r.is("2D by address, checked", r.dialAddr(0, 10, 0, 0, 9) != nil, true)
		<-s.names
		select {
		case <-s.conns:
			r.Fatal("an address in a certificate was taken for a name")
		default:
		}
	})
}

func TestTLSClientCertificateOfAdafruit17(t *testing.T) {
	runTLS(t, Config{Firmware: Adafruit17}, func(r *tlsRig) {
		s := r.server(ca.issue("web"), func(c *tls.Config) {
			c.ClientAuth, c.ClientCAs = tls.RequireAndVerifyClientCert, ca.pool()
		})
		cert, key := pemOf(ca.issue("board"))
		r.give(0x40, cert)
		r.give(0x41, key)
		r.is("2D", r.dialName(0, "web"), []byte{1})
		k := <-s.conns
		r.is("client", k.ConnectionState().PeerCertificates[0].DNSNames, "[board]")
	})
}

func TestTLSOfAdafruit33(t *testing.T) {
	runTLS(t, Config{Firmware: Adafruit33}, func(r *tlsRig) {
		s := r.server(ca.issue("web", "10.0.0.9"))
		r.is("2D by address, in order", r.dialAddr(0, 10, 0, 0, 9), []byte{1})
		peer := <-s.conns
		peer.Write([]byte("abc"))
		r.settle()
		r.is("peek", r.ask(0x2c, b(0), b(1))[0], 'a')
		r.is("available", r.avail(0), 3)
		r.is("read, the peeked byte too", r.recv(0, 10), "abc")
		r.is("read again", r.recv(0, 10), "")
		peer.Write([]byte("d"))
		r.settle()
		r.is("peek", r.ask(0x2c, b(0), b(1))[0], 'd')
		r.stop(0)
		r.is("2D", r.dialAddr(0, 10, 0, 0, 9), []byte{1})
		r.is("it is gone with its connection", r.avail(0), 0)
	})
	runTLS(t, Config{Firmware: Adafruit33}, func(r *tlsRig) {
		r.server(ca.issue("web"))
		r.is("address not in the certificate", r.dialAddr(0, 10, 0, 0, 9) == nil, true)
		r.stop(0)
		cert, key := pemOf(ca.issue("board"))
		r.give(0x40, cert)
		r.give(0x41, key)
		r.is("slot that has used the store", r.dialName(0, "web"), []byte{1})
		r.is("slot that has not", r.dialName(1, "web") == nil, true)
	})
	runTLS(t, Config{Firmware: Adafruit33}, func(r *tlsRig) {
		r.server(ca.issue("web"), func(c *tls.Config) { c.MaxVersion = tls.VersionTLS11 })
		r.is("TLS 1.1", r.dialName(0, "web") == nil, true)
	})
	runTLS(t, Config{Firmware: Adafruit33}, func(r *tlsRig) {
		l, err := r.v.HostAt(netip.MustParseAddr("10.0.0.9")).Listen(443)
		if err != nil {
			r.Fatal(err)
		}
		defer l.Close()
		start := time.Now()
		r.is("silent server", r.dialName(0, "web") == nil, true)
		r.is("after two minutes", time.Since(start).Round(2*time.Second), 122*time.Second)
	})
}

// Writes wait for room, for half a minute.
func TestTLSWriteOfAdafruit33Waits(t *testing.T) {
	runTLS(t, Config{Firmware: Adafruit33}, func(r *tlsRig) {
		s := r.server(ca.issue("web"))
		r.secure(s, 0)
		r.v.SetReadRate(1)
		chunk := string(make([]byte, 4000))
		start := time.Now()
		for r.send(0, chunk) == 4000 {
			start = time.Now()
		}
		r.is("gave up after 30 s", time.Since(start).Round(time.Second), 30*time.Second)
		r.is("state", r.state(0), 0)
	})
}

// TLS works over the host's sockets just as well.
func TestTLSOverTheHostsSockets(t *testing.T) {
	cfg := &tls.Config{Certificates: []tls.Certificate{ca.issue("host")}}
	l, err := tls.Listen("tcp4", "127.0.0.1:0", cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		c, err := l.Accept()
		if err == nil {
			io.Copy(c, c)
			c.Close()
		}
	}()
	h, err := network.NewHost(network.HostConfig{Isolated: true})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	r := &rig{T: t, c: New(Config{Attach: h.Station, Roots: ca.pool()})}
	defer r.c.Close()
	for r.c.Ready().Get() {
		runtime.Gosched()
	}
	r.ask(0x10, []byte("home"))
	for r.status() != 3 {
		runtime.Gosched()
	}
	port := l.Addr().(*net.TCPAddr).AddrPort().Port()
	r.is("2D", r.ask(0x2d, []byte("host"), b(0, 0, 0, 0), b(byte(port>>8), byte(port)), b(0), b(2)), []byte{1})
	r.is("send", r.send(0, "echo"), 4)
	got := ""
	for deadline := time.Now().Add(10 * time.Second); got != "echo" && time.Now().Before(deadline); {
		got += r.recv(0, 100)
	}
	r.is("read", got, "echo")
	r.stop(0)
}
