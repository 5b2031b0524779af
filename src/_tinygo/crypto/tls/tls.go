// Package tls is the part of Go's crypto/tls that TinyGo's net/http and clients
// need, on streams that the network device encrypts itself. It stands in a
// TINYGOROOT only, in the place of TinyGo's own package, which needs types that
// Go's net does not have.
//
// What a device cannot do, or is not known to do, fails with
// errors.ErrUnsupported. Nothing is ever sent in the clear.
package tls

import (
	"context"
	"errors"
	"net"
	"time"
	_ "unsafe" // for go:linkname
)

// dialTLS is net's: see there.
//
//go:linkname dialTLS net.dialTLS
func dialTLS(ctx context.Context, d *net.Dialer, network, address string) (net.Conn, error)

// unsupported is an error that is also errors.ErrUnsupported.
type unsupported string

func (e unsupported) Error() string        { return "tls: " + string(e) }
func (e unsupported) Is(target error) bool { return target == errors.ErrUnsupported }

var (
	errConfig error = unsupported("the device uses its own settings: a Config may only name the server that is dialed")
	errWrap   error = unsupported("a device encrypts from the start: dial with Dial instead of wrapping a connection")
	errServer error = unsupported("a device has no TLS servers")
)

// Versions of the protocol.
const (
	VersionTLS10 = 0x0301
	VersionTLS11 = 0x0302
	VersionTLS12 = 0x0303
	VersionTLS13 = 0x0304
)

// Config says how to encrypt. A device has its own certificates and settings: a
// Config in which anything but ServerName is set is refused.
type Config struct {
	// Time has to be nil.
	Time func() time.Time

	// Certificates has to be empty.
	Certificates []Certificate

	// NextProtos has to be empty.
	NextProtos []string

	// ServerName is the name that the server's certificate has to have. It
	// has to be empty or the host that is dialed.
	ServerName string

	// InsecureSkipVerify has to be false.
	InsecureSkipVerify bool

	// MinVersion and MaxVersion have to be 0.
	MinVersion, MaxVersion uint16
}

// Clone returns a copy of c, and nil for nil.
func (c *Config) Clone() *Config {
	if c == nil {
		return nil
	}
	clone := *c
	return &clone
}

// check returns an error if c asks for what a device cannot do for a
// connection to address.
func (c *Config) check(address string) error {
	if c == nil {
		return nil
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	if c.Time != nil || len(c.Certificates) > 0 || len(c.NextProtos) > 0 || c.InsecureSkipVerify ||
		c.MinVersion != 0 || c.MaxVersion != 0 || c.ServerName != "" && c.ServerName != host {
		return errConfig
	}
	return nil
}

// Certificate is a chain of certificates with its key, of no use to a device.
type Certificate struct {
	Certificate [][]byte
}

// LoadX509KeyPair fails with errors.ErrUnsupported.
func LoadX509KeyPair(certFile, keyFile string) (Certificate, error) { return Certificate{}, errServer }

// X509KeyPair fails with errors.ErrUnsupported.
func X509KeyPair(certPEMBlock, keyPEMBlock []byte) (Certificate, error) {
	return Certificate{}, errServer
}

// ConnectionState is what is known of a connection.
type ConnectionState struct {
	Version            uint16 // 0: devices do not tell
	HandshakeComplete  bool
	NegotiatedProtocol string // empty: none is asked for
	ServerName         string // host that was dialed
}

// Conn is a connection that the device encrypts.
type Conn struct {
	net.Conn
	host string
}

// NetConn returns the encrypted stream: what is written to it is encrypted too.
func (c *Conn) NetConn() net.Conn { return c.Conn }

// Handshake returns nil: Dial has done it.
func (c *Conn) Handshake() error { return nil }

// HandshakeContext returns nil: Dial has done it.
func (c *Conn) HandshakeContext(ctx context.Context) error { return nil }

// ConnectionState returns what is known of the connection.
func (c *Conn) ConnectionState() ConnectionState {
	return ConnectionState{HandshakeComplete: true, ServerName: c.host}
}

// Dial connects to address, "host:port", by TLS. config may be nil. A device
// without TLS gives errors.ErrUnsupported.
func Dial(network, address string, config *Config) (*Conn, error) {
	return dial(context.Background(), new(net.Dialer), network, address, config)
}

// DialWithDialer is Dial with a Dialer, whose limits of time hold for the
// handshake too.
func DialWithDialer(dialer *net.Dialer, network, address string, config *Config) (*Conn, error) {
	return dial(context.Background(), dialer, network, address, config)
}

func dial(ctx context.Context, dialer *net.Dialer, network, address string, config *Config) (*Conn, error) {
	if err := config.check(address); err != nil {
		return nil, err
	}
	if dialer == nil {
		dialer = new(net.Dialer)
	}
	switch network {
	case "tcp", "tcp4", "tcp6":
	default:
		return nil, net.UnknownNetworkError(network)
	}
	c, err := dialTLS(ctx, dialer, network, address)
	if err != nil {
		return nil, err
	}
	host, _, _ := net.SplitHostPort(address)
	return &Conn{Conn: c, host: host}, nil
}

// Dialer is how to connect by TLS. Both fields may be nil.
type Dialer struct {
	NetDialer *net.Dialer
	Config    *Config
}

// Dial is DialContext without a context.
func (d *Dialer) Dial(network, address string) (net.Conn, error) {
	return d.DialContext(context.Background(), network, address)
}

// DialContext connects as the function Dial does, to a *Conn. If ctx ends before
// that is done it fails.
func (d *Dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := dial(ctx, d.NetDialer, network, address, d.Config)
	if err != nil {
		return nil, err
	}
	return c, nil
}

// Client returns a connection that fails with errors.ErrUnsupported: a device
// does not encrypt a connection that is there already.
func Client(conn net.Conn, config *Config) *Conn { return &Conn{Conn: refused{conn, errWrap}} }

// Server returns a connection that fails with errors.ErrUnsupported.
func Server(conn net.Conn, config *Config) *Conn { return &Conn{Conn: refused{conn, errServer}} }

// refused is a connection over which nothing goes.
type refused struct {
	net.Conn
	err error
}

func (r refused) Read([]byte) (int, error)  { return 0, r.err }
func (r refused) Write([]byte) (int, error) { return 0, r.err }

// Listen fails with errors.ErrUnsupported.
func Listen(network, laddr string, config *Config) (net.Listener, error) { return nil, errServer }

// NewListener returns a listener whose Accept fails with errors.ErrUnsupported.
func NewListener(inner net.Listener, config *Config) net.Listener { return listener{inner} }

type listener struct{ net.Listener }

func (listener) Accept() (net.Conn, error) { return nil, errServer }
