package espat

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"time"

	"tinynet/sim/network"
)

// sslConf is what the host has set for SSL clients on a link's id.
type sslConf struct {
	auth int // bit 0: send a certificate, bit 1: verify the server's
	sni  string
	cn   string
	alpn []string
}

// sslOverhead is what a record of AES-GCM has beside its data: header, explicit
// nonce and tag.
const sslOverhead = 5 + 8 + 16

// sslCiphers are what the firmware's mbedTLS offers.
var sslCiphers = []uint16{
	tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
	tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
	tls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA, tls.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA,
	tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA, tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA,
	tls.TLS_RSA_WITH_AES_256_GCM_SHA384, tls.TLS_RSA_WITH_AES_128_GCM_SHA256,
	tls.TLS_RSA_WITH_AES_256_CBC_SHA, tls.TLS_RSA_WITH_AES_128_CBC_SHA,
}

// handshakeError is a handshake that failed.
type handshakeError struct{ err error }

func (e *handshakeError) Error() string { return "handshake: " + e.err.Error() }
func (e *handshakeError) Unwrap() error { return e.err }

// sslEnd is the SSL of a link. It decrypts one record ahead.
type sslEnd struct {
	conn  *tls.Conn
	wire  *sslWire
	plain []byte // decrypted and not read
	whole int    // bytes of that record
	err   error  // what comes behind plain
	eaten cond
}

func (s *sslEnd) available() int { return len(s.plain) }
func (s *sslEnd) ended() bool    { return len(s.plain) == 0 && s.err != nil }

// overhead is by how much an announced length is too large: it is of the record
// until that is read from.
func (s *sslEnd) overhead() int {
	if len(s.plain) > 0 && len(s.plain) == s.whole {
		return sslOverhead
	}
	return 0
}

func (s *sslEnd) read(p []byte) int {
	n := copy(p, s.plain)
	if s.plain = s.plain[n:]; len(s.plain) == 0 {
		s.eaten.wake()
	}
	return n
}

func (s *sslEnd) close() { s.eaten.wake() }

// write sends p; it waits, unlocked.
func (s *sslEnd) write(ctx context.Context, f *firmware, p []byte) bool {
	s.wire.writing = ctx
	var err error
	f.c.block(func() { _, err = s.conn.Write(p) })
	return err == nil
}

// readAhead is a link's task that decrypts.
func (s *sslEnd) readAhead(f *firmware, ctx context.Context) {
	buf := make([]byte, 16<<10)
	for {
		var n int
		var err error
		f.c.block(func() { n, err = s.conn.Read(buf) })
		if ctx.Err() != nil {
			return
		}
		s.plain, s.whole = append([]byte(nil), buf[:n]...), n
		s.err = err
		if n > 0 || err != nil {
			f.poke()
		}
		if err != nil {
			return
		}
		for len(s.plain) > 0 {
			eaten := s.eaten.wait()
			f.c.block(func() {
				select {
				case <-eaten:
				case <-ctx.Done():
				}
			})
			if ctx.Err() != nil {
				return
			}
		}
	}
}

// sslWire is the connection below an SSL. Its methods are called unlocked.
type sslWire struct {
	f       *firmware
	conn    network.Conn
	ctx     context.Context
	writing context.Context // of the write under way
	limit   time.Duration   // to wait for a packet of the handshake; 0: none
}

func (w *sslWire) Read(p []byte) (int, error) {
	f := w.f
	f.c.lock()
	defer f.c.unlock()
	var late <-chan struct{}
	if w.limit > 0 {
		ch := make(chan struct{})
		late = ch
		defer f.c.clk.AfterFunc(w.limit, func() { close(ch) }).Stop()
	}
	for {
		n, _, err := w.conn.Read(p)
		switch {
		case n > 0:
			return n, nil
		case errors.Is(err, network.ErrWouldBlock):
		case err != nil:
			return 0, err
		}
		changed := f.netChanged.wait()
		over := error(nil)
		f.c.block(func() {
			select {
			case <-changed:
			case <-late:
				over = errors.New("no answer in time")
			case <-w.ctx.Done():
				over = io.ErrClosedPipe
			}
		})
		if over != nil {
			return 0, over
		}
	}
}

func (w *sslWire) Write(p []byte) (int, error) {
	ctx := w.writing
	if ctx == nil {
		ctx = w.ctx
	}
	done := 0
	for done < len(p) {
		n, err := w.conn.Write(p[done:])
		done += n
		if err != nil && !errors.Is(err, network.ErrWouldBlock) {
			return done, err
		}
		if done < len(p) {
			if err := w.conn.WaitWritable(ctx); err != nil {
				return done, err
			}
		}
	}
	return done, nil
}

func (w *sslWire) Close() error                     { return nil }
func (w *sslWire) LocalAddr() net.Addr              { return nil }
func (w *sslWire) RemoteAddr() net.Addr             { return nil }
func (w *sslWire) SetDeadline(time.Time) error      { return nil }
func (w *sslWire) SetReadDeadline(time.Time) error  { return nil }
func (w *sslWire) SetWriteDeadline(time.Time) error { return nil }

// arithmetic is how long the module computes for a handshake.
func (f *firmware) arithmetic() time.Duration {
	if f.v.esp8266() {
		return f.c.cfg.Timing.TLS8266
	}
	return f.c.cfg.Timing.TLS
}

// shake runs a handshake and starts the task that decrypts.
func (f *firmware) shake(l *link, make func(net.Conn) *tls.Conn) error {
	ctx, gen := l.ctx, l.gen
	if !f.sleep(f.arithmetic()) || l.gen != gen {
		return context.Canceled
	}
	w := &sslWire{f: f, conn: l.conn, ctx: ctx, limit: f.c.cfg.Timing.Handshake}
	s := &sslEnd{conn: make(w), wire: w}
	var err error
	f.c.block(func() { err = s.conn.Handshake() })
	if err == nil && (f.dead() || l.gen != gen || ctx.Err() != nil) {
		err = context.Canceled
	}
	if err != nil {
		return &handshakeError{err}
	}
	w.limit = 0
	l.ssl = s
	f.task(func() { s.readAhead(f, ctx) })
	return nil
}

// handshakeClient makes a connection an SSL client's.
func (f *firmware) handshakeClient(l *link) error {
	conf := f.tcp.ssl[l.id]
	config := &tls.Config{
		ServerName:                  conf.sni,
		NextProtos:                  conf.alpn,
		MinVersion:                  tls.VersionTLS12,
		MaxVersion:                  tls.VersionTLS12,
		CipherSuites:                sslCiphers,
		InsecureSkipVerify:          true, // VerifyConnection does it
		DynamicRecordSizingDisabled: true,
		SessionTicketsDisabled:      true,
		Time:                        f.now,
	}
	if conf.auth&1 != 0 {
		if f.c.cfg.ClientCert == nil {
			f.print("NO CERT FOUND\r\n")
			return &handshakeError{errors.New("there is no client certificate")}
		}
		config.Certificates = []tls.Certificate{*f.c.cfg.ClientCert}
	}
	if conf.auth&2 != 0 {
		if f.c.cfg.Roots == nil {
			f.print("NO CA FOUND\r\n")
			return &handshakeError{errors.New("there are no root certificates")}
		}
		now := f.now()
		config.VerifyConnection = func(s tls.ConnectionState) error {
			opts := x509.VerifyOptions{Roots: f.c.cfg.Roots, Intermediates: x509.NewCertPool(), CurrentTime: now, DNSName: conf.cn}
			for _, c := range s.PeerCertificates[1:] {
				opts.Intermediates.AddCert(c)
			}
			_, err := s.PeerCertificates[0].Verify(opts)
			return err
		}
	}
	return f.shake(l, func(c net.Conn) *tls.Conn { return tls.Client(c, config) })
}

// handshakeServer makes an accepted connection an SSL server's.
func (f *firmware) handshakeServer(l *link, ca bool) error {
	cert := f.c.cfg.ServerCert
	if cert == nil {
		var err error
		if cert, err = selfSigned(); err != nil {
			return err
		}
		f.c.cfg.ServerCert = cert
	}
	config := &tls.Config{
		Certificates:                []tls.Certificate{*cert},
		MinVersion:                  tls.VersionTLS12,
		MaxVersion:                  tls.VersionTLS12,
		CipherSuites:                sslCiphers,
		DynamicRecordSizingDisabled: true,
		SessionTicketsDisabled:      true,
	}
	if ca {
		roots := f.c.cfg.Roots
		if roots == nil {
			roots = x509.NewCertPool()
		}
		config.ClientAuth, config.ClientCAs = tls.RequireAndVerifyClientCert, roots
	}
	return f.shake(l, func(c net.Conn) *tls.Conn { return tls.Server(c, config) })
}

// selfSigned is the certificate in the module's server partition.
func selfSigned() (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	tmpl := x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "esp-at"},
		NotBefore:    time.Unix(0, 0),
		NotAfter:     time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, &tmpl, &tmpl, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}

// eachSSL calls set for the links that a command is about.
func (f *firmware) eachSSL(id int, set func(*sslConf)) {
	for i := range f.tcp.ssl {
		if i == id || id == maxLinks {
			set(&f.tcp.ssl[i])
		}
	}
}

func (f *firmware) cmdCIPSSLCCONF(r request) fault {
	if r.form == formQuery {
		for i, c := range f.tcp.ssl {
			if !f.tcp.mux {
				f.reply(r, "%d,0,0", c.auth)
				break
			}
			f.reply(r, "%d,%d,0,0", i, c.auth)
		}
		return 0
	}
	a := args{list: r.params}
	id := f.linkID(&a, maxLinks)
	auth := a.number(0, 3)
	a.numberOr(0, 8, 0)
	a.numberOr(0, 8, 0)
	if bad := a.end(); bad != 0 {
		return bad
	}
	f.eachSSL(id, func(c *sslConf) { c.auth = auth })
	return 0
}

// cmdName is a command that sets a name for SSL clients.
func (f *firmware) cmdName(r request, most int, of func(*sslConf) *string) fault {
	if r.form == formQuery {
		for i := range f.tcp.ssl {
			name := quote(*of(&f.tcp.ssl[i]))
			if !f.tcp.mux {
				f.reply(r, "%s", name)
				break
			}
			f.reply(r, "%d,%s", i, name)
		}
		return 0
	}
	a := args{list: r.params}
	id := f.linkID(&a, maxLinks)
	name := a.str(most)
	if bad := a.end(); bad != 0 {
		return bad
	}
	f.eachSSL(id, func(c *sslConf) { *of(c) = name })
	return 0
}

func (f *firmware) cmdCIPSSLCSNI(r request) fault {
	return f.cmdName(r, 64, func(c *sslConf) *string { return &c.sni })
}

func (f *firmware) cmdCIPSSLCCN(r request) fault {
	return f.cmdName(r, 64, func(c *sslConf) *string { return &c.cn })
}

func (f *firmware) cmdCIPSSLCALPN(r request) fault {
	if r.form == formQuery {
		for i, c := range f.tcp.ssl {
			line := fmt.Sprintf("%d,%d", i, len(c.alpn))
			for _, p := range c.alpn {
				line += "," + quote(p)
			}
			f.reply(r, "%s", line)
		}
		return 0
	}
	a := args{list: r.params}
	id := f.linkID(&a, maxLinks)
	var list []string
	for range a.number(0, 5) {
		list = append(list, a.str(64))
	}
	if bad := a.end(); bad != 0 {
		return bad
	}
	f.eachSSL(id, func(c *sslConf) { c.alpn = list })
	return 0
}

func (f *firmware) cmdCIPSSLSIZE(r request) fault {
	a := args{list: r.params}
	a.number(2048, 4096)
	return a.end()
}
