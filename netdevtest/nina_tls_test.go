package netdevtest

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"math/big"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tinynet/netdev"
	"tinynet/sim/network"
	"tinynet/sim/nina"
)

// certificate returns a certificate for a name, and the roots that sign it.
func certificate(t *testing.T, name string) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: name},
		DNSNames:     []string{name},
		NotBefore:    time.Unix(0, 0),
		NotAfter:     time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC),
		IsCA:         true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	check(t, err)
	leaf, err := x509.ParseCertificate(der)
	check(t, err)
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, roots
}

// A socket that the chip encrypts reaches the host that its name names, and
// nobody else.
func TestNINATLS(t *testing.T) {
	cert, roots := certificate(t, "host")
	for _, firmware := range []string{nina.Arduino14, nina.Arduino20, nina.Arduino30, nina.Adafruit33} {
		t.Run(firmware, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newNINA(network.VirtualConfig{RTT: 5 * time.Millisecond, Hosts: map[string]netip.Addr{"other": netip.MustParseAddr("10.0.0.1")}},
					nina.Config{Firmware: firmware, Roots: roots})
				defer b.close()
				check(t, b.dev.NetConnect())
				l, err := b.net.Host().Listen(443)
				check(t, err)
				var serving sync.WaitGroup
				defer func() { l.Close(); serving.Wait() }()
				serving.Add(1)
				go func() {
					defer serving.Done()
					for {
						c, err := l.Accept()
						if err != nil {
							return
						}
						c.SetDeadline(time.Now().Add(time.Minute))
						serving.Add(1)
						go func() {
							defer serving.Done()
							c := tls.Server(c, &tls.Config{Certificates: []tls.Certificate{cert}, MaxVersion: tls.VersionTLS12})
							defer c.Close()
							io.Copy(c, c)
						}()
					}
				}()
				dial := func(host string) (int, error) {
					fd, err := b.dev.Socket(netdev.AF_INET, netdev.SOCK_STREAM, netdev.IPPROTO_TLS)
					check(t, err)
					return fd, b.dev.Connect(fd, host, netip.AddrPortFrom(b.net.Host().Addr(), 443))
				}
				for round := range 3 { // the slots are freed
					fd, err := dial("host")
					check(t, err)
					want := payload(uint64(round), 20_000)
					sent := make(chan error, 1)
					go func() { _, err := b.dev.Send(fd, want, 0, time.Time{}); sent <- err }()
					got := make([]byte, 0, len(want))
					buf := make([]byte, 3000)
					for len(got) < len(want) {
						n, err := b.dev.Recv(fd, buf, 0, time.Now().Add(10*time.Second))
						check(t, err)
						got = append(got, buf[:n]...)
					}
					check(t, <-sent)
					if !bytes.Equal(got, want) {
						t.Error("the echo differs")
					}
					check(t, b.dev.Close(fd))
				}
				// The same machine by a name that its certificate does not have.
				fd, err := dial("other")
				if !errors.Is(err, netdev.ErrConnRefused) {
					t.Errorf("a host with another's certificate: %v", err)
				}
				check(t, b.dev.Close(fd))
			})
		})
	}
}
