package nina

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/netip"
	"strings"
	"time"
)

// tlsClient is a TLS client of the firmware: WiFiSSLClient on mbedTLS (mode 2),
// or BearSSLClient (mode 4), of which there is one for all slots. The protocol
// is crypto/tls's; what it reads and writes when is the firmware's.
type tlsClient struct {
	fd     int
	bear   bool
	alive  bool // as the firmware has it: a handshake has succeeded
	wire   *tlsWire
	conn   *tls.Conn
	record []byte // unread rest of the current record
	late   error  // came with the record, and is for the next read
	peeked int    // -1 if none
	stored bool   // the root store has been used: see clientCertAlone
}

func newTLS(bear bool) *tlsClient { return &tlsClient{fd: -1, bear: bear, peeked: -1} }

// tlsTarget is whom a client connects to.
type tlsTarget struct {
	host string // "" in the address form
	ip   [4]byte
	port uint16
}

// tlsCiphers are what the firmware's mbedTLS offers (sdkconfig: no DES, no RC4,
// no ChaCha20).
var tlsCiphers = []uint16{
	tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
	tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
	tls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA, tls.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA,
	tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256,
	tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA, tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA,
	tls.TLS_RSA_WITH_AES_256_GCM_SHA384, tls.TLS_RSA_WITH_AES_128_GCM_SHA256,
	tls.TLS_RSA_WITH_AES_128_CBC_SHA256, tls.TLS_RSA_WITH_AES_256_CBC_SHA, tls.TLS_RSA_WITH_AES_128_CBC_SHA,
}

// connect opens a connection and shakes hands; both may take time. What the
// client held before leaks.
func (c *tlsClient) connect(t *task, to tlsTarget) bool {
	f := t.f
	*c = tlsClient{fd: -1, bear: c.bear, peeked: c.peeked, stored: c.stored}
	name := to.host
	if to.host == "" {
		if !f.v.tlsAddrInOrder && !c.bear {
			to.ip = [4]byte{to.ip[3], to.ip[2], to.ip[1], to.ip[0]}
		}
		if f.v.tlsNamesAddr {
			name = netip.AddrFrom4(to.ip).String()
		}
	}
	config := &tls.Config{
		ServerName:                  name,
		MinVersion:                  f.v.tlsMin,
		MaxVersion:                  tls.VersionTLS12,
		CipherSuites:                tlsCiphers,
		DynamicRecordSizingDisabled: true,
		SessionTicketsDisabled:      true,
		InsecureSkipVerify:          true, // VerifyConnection does it
		Time:                        f.c.clk.Now,
		VerifyConnection: func(s tls.ConnectionState) error {
			return verify(s.PeerCertificates, f.c.cfg.Roots, name, f.c.clk.Now(), c.bear, f.v.tlsAddrInOrder)
		},
	}
	switch {
	case f.tlsConnections() >= tcpMostTLS:
		f.c.note("no memory for another TLS connection")
		return false
	case f.v.clientCert && f.clientCert != nil && f.clientKey != nil:
		pair, err := tls.X509KeyPair(f.clientCert, f.clientKey)
		if err != nil {
			f.c.note("client certificate or key: " + err.Error())
			return false
		}
		config.Certificates = []tls.Certificate{pair}
		if f.v.clientCertAlone && !c.stored {
			f.c.note("with a client certificate this slot has no root store")
			return false
		}
	default:
		c.stored = true
	}
	if c.bear && !f.awaitTime() {
		return false
	}
	if to.host != "" {
		var ok bool
		if to.ip, ok = f.lookup(to.host); !ok {
			return false
		}
	}
	fd := t.socket(sockStream)
	if fd < 0 {
		return false
	}
	c.fd = fd
	if t.connect(fd, netip.AddrPortFrom(netip.AddrFrom4(to.ip), to.port)) < 0 {
		c.stop(t)
		return false
	}
	c.wire = &tlsWire{t: t, fd: fd, shaking: true}
	c.conn = tls.Client(c.wire, config)
	f.work(f.c.cfg.Timing.TLS)
	if d := f.v.tlsTimeout; d > 0 {
		c.wire.deadline = f.c.clk.Now().Add(d)
	}
	conn := c.conn
	var err error
	f.block(func() { err = conn.Handshake() })
	if err != nil {
		if f.ctx.Err() == nil {
			f.c.note("TLS handshake with " + netip.AddrPortFrom(netip.AddrFrom4(to.ip), to.port).String() + ": " + err.Error())
		}
		c.stop(t)
		if d := f.v.tlsFailureIsOK; d > 0 {
			f.wait(&socket{timeout: d}, false, func() bool { return false })
			return f.ctx.Err() == nil
		}
		return false
	}
	c.wire.shaking = false
	t.setNonblocking(fd, true)
	c.alive = true
	return true
}

// tlsConnections counts those that take memory.
func (f *firmware) tlsConnections() int {
	n := 0
	for i := range f.slots {
		if f.slots[i].tls.alive {
			n++
		}
	}
	if f.bear.alive {
		n++
	}
	return n
}

// awaitTime waits until the time is known, as BearSSL's check of dates does. It
// reports false if the chip was reset.
func (f *firmware) awaitTime() bool {
	for !f.wifi.synced && f.ctx.Err() == nil {
		f.wait(&socket{timeout: 100 * time.Millisecond}, false, func() bool { return f.wifi.synced })
	}
	return f.ctx.Err() == nil
}

// verify is what mbedTLS does with a chain of certificates. Dates count only
// for BearSSL. The name is checked against DNS names alone, or the common name
// if there are none; newer mbedTLS knows addresses too.
func verify(chain []*x509.Certificate, roots *x509.CertPool, name string, now time.Time, dates, addrs bool) error {
	if roots == nil {
		roots = x509.NewCertPool()
	}
	certs := make([]*x509.Certificate, len(chain))
	for i, c := range chain {
		clone := *c
		if !dates {
			clone.NotBefore, clone.NotAfter = time.Time{}, time.Unix(1<<40, 0)
		}
		certs[i] = &clone
	}
	if err := matchName(chain[0], name, addrs); err != nil {
		return err
	}
	opts := x509.VerifyOptions{Roots: roots, Intermediates: x509.NewCertPool()}
	for _, c := range certs[1:] {
		opts.Intermediates.AddCert(c)
	}
	// A root's dates cannot be changed: any time within them will do.
	times := []time.Time{now}
	if !dates {
		times = append(times, chain[0].NotBefore, chain[0].NotAfter)
	}
	var err error
	for _, opts.CurrentTime = range times {
		if _, err = certs[0].Verify(opts); err == nil {
			return nil
		}
	}
	return err
}

func matchName(leaf *x509.Certificate, name string, addrs bool) error {
	if name == "" {
		return nil
	}
	if ip := net.ParseIP(name); ip != nil && addrs {
		for _, a := range leaf.IPAddresses {
			if a.Equal(ip) {
				return nil
			}
		}
	}
	names := leaf.DNSNames
	if len(names) == 0 && len(leaf.IPAddresses) == 0 {
		names = []string{leaf.Subject.CommonName}
	}
	for _, n := range names {
		rest, wild := strings.CutPrefix(n, "*.")
		_, domain, _ := strings.Cut(name, ".")
		if strings.EqualFold(n, name) || wild && strings.EqualFold(rest, domain) {
			return nil
		}
	}
	return errors.New("the certificate is not for " + name)
}

// tlsWire is the socket below a TLS client. While it shakes hands its methods
// are called without the chip's lock and wait; afterwards with it, and they do
// not.
type tlsWire struct {
	t        *task
	fd       int
	shaking  bool
	deadline time.Time // of the handshake; zero for none
	out      []byte    // written, but the socket had no room
}

// notNow is what a read that would block ends with. crypto/tls goes on after a
// temporary error.
type notNow struct{}

func (notNow) Error() string   { return "nothing to read" }
func (notNow) Timeout() bool   { return true }
func (notNow) Temporary() bool { return true }

func (w *tlsWire) Read(p []byte) (int, error) {
	if w.shaking {
		w.t.f.c.lock()
		defer w.t.f.c.unlock()
		if s := w.t.f.lwip.get(w.fd); s != nil && !w.deadline.IsZero() {
			if s.timeout = w.deadline.Sub(w.t.f.c.clk.Now()); s.timeout <= 0 {
				return 0, errors.New("handshake timeout")
			}
			defer func() { s.timeout = 0 }()
		}
	}
	n, _ := w.t.recv(w.fd, p, !w.shaking)
	switch {
	case n > 0:
		return n, nil
	case w.shaking:
		return 0, errors.New("the connection ended, or time is up")
	case n == 0 || w.t.errno == eAGAIN:
		return 0, notNow{} // mbedTLS reports FIN without close_notify as nothing
	}
	return 0, errors.New("connection lost")
}

func (w *tlsWire) Write(p []byte) (int, error) {
	if !w.shaking {
		w.out = append(w.out, p...)
		return len(p), nil
	}
	w.t.f.c.lock()
	defer w.t.f.c.unlock()
	if n := w.t.send(w.fd, p, false); n < len(p) {
		return max(n, 0), errors.New("connection lost")
	}
	return len(p), nil
}

// flush reports whether everything has left. failed tells that it never will.
func (w *tlsWire) flush() (done, failed bool) {
	for len(w.out) > 0 {
		n := w.t.send(w.fd, w.out, true)
		if n < 0 {
			return false, w.t.errno != eAGAIN
		}
		w.out = w.out[n:]
	}
	return true, false
}

func (w *tlsWire) Close() error                     { return nil }
func (w *tlsWire) LocalAddr() net.Addr              { return nil }
func (w *tlsWire) RemoteAddr() net.Addr             { return nil }
func (w *tlsWire) SetDeadline(time.Time) error      { return nil }
func (w *tlsWire) SetReadDeadline(time.Time) error  { return nil }
func (w *tlsWire) SetWriteDeadline(time.Time) error { return nil }

func (c *tlsClient) descriptor() int { return c.fd }

// available takes the next record if the last one was read. It is never more
// than one record. An error, close_notify among them, stops the client.
func (c *tlsClient) available(t *task) int {
	c.pull(t)
	n := len(c.record)
	if c.keepsPeeked(t) && c.peeked >= 0 {
		n++
	}
	return n
}

// keepsPeeked tells that a peeked byte is still there for read.
func (c *tlsClient) keepsPeeked(t *task) bool { return c.bear || t.f.v.tlsPeekKept }

func (c *tlsClient) pull(t *task) {
	if len(c.record) > 0 || c.conn == nil {
		return
	}
	err := c.late
	if err == nil {
		c.wire.t = t
		buf := make([]byte, 16<<10)
		var n int
		n, err = c.conn.Read(buf)
		c.record, c.late = buf[:n], err
	}
	var again notNow
	switch {
	case errors.As(err, &again):
		c.late = nil
	case err != nil && len(c.record) == 0:
		c.stop(t)
	}
}

func (c *tlsClient) read(t *task, p []byte) int {
	if c.available(t) == 0 {
		return -1
	}
	n := 0
	if c.keepsPeeked(t) && c.peeked >= 0 && len(p) > 0 {
		p[0] = byte(c.peeked)
		c.peeked = -1
		n = 1
	}
	m := copy(p[n:], c.record)
	c.record = c.record[m:]
	return n + m
}

// getByte keeps a peeked byte, which WiFiSSLClient returns only to the next
// getByte, be it on another connection.
func (c *tlsClient) getByte(t *task, peek bool) byte {
	if c.peeked < 0 {
		var p [1]byte
		if c.read(t, p[:]) != 1 {
			return 0xff
		}
		if !peek {
			return p[0]
		}
		c.peeked = int(p[0])
	}
	b := byte(c.peeked)
	if !peek {
		c.peeked = -1
	}
	return b
}

// tlsWriteTimeout is arduino-esp32's (libraries/NetworkClientSecure).
const tlsWriteTimeout = 30 * time.Second

func (c *tlsClient) writeWaits(f *firmware) bool { return f.v.tlsWriteWaits && c.conn != nil }

// write sends a record whole, or answers 0 and has sent nothing or a part of
// it. After a 0 mbedTLS takes the next write for the same bytes: it sends the
// rest of the record and answers with that write's length.
func (c *tlsClient) write(t *task, p []byte) int {
	if c.conn == nil || !c.alive || len(p) == 0 {
		return 0
	}
	c.wire.t = t
	if len(c.wire.out) == 0 {
		if _, err := c.conn.Write(p); err != nil {
			return 0
		}
	}
	done, failed := c.wire.flush()
	for waited := time.Duration(0); !done && !failed && t.f.v.tlsWriteWaits && waited < tlsWriteTimeout; waited += time.Second {
		t.waitWritable(c.fd, time.Second)
		if t.f.ctx.Err() != nil {
			return 0
		}
		if c.conn == nil { // stopped meanwhile
			return 0
		}
		done, failed = c.wire.flush()
	}
	switch {
	case done:
		return len(p)
	case t.f.v.tlsWriteWaits, c.bear:
		c.stop(t) // both give up the connection
	}
	return 0
}

// connected answers true once more when it has just found the end.
func (c *tlsClient) connected(t *task) bool {
	if !c.alive {
		return false
	}
	c.available(t)
	if c.bear && c.alive && len(c.record) == 0 {
		if _, n := t.peek(c.fd); n <= 0 && t.errno != eAGAIN {
			c.stop(t) // it looks at the TCP connection too
		}
	}
	return c.alive || !t.f.v.tlsEndsAtOnce && !c.bear
}

// stop sends no close_notify.
func (c *tlsClient) stop(t *task) {
	if c.fd >= 0 {
		t.close(c.fd)
	}
	peeked := c.peeked
	if c.keepsPeeked(t) {
		peeked = -1
	}
	*c = tlsClient{fd: -1, bear: c.bear, peeked: peeked, stored: c.stored}
}
