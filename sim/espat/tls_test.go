package espat

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"strings"
	"testing"
	"time"
)

// certificate makes one for a name, valid in the years 2000 to 2030, that is its
// own authority.
func certificate(t *testing.T, name string) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: name},
		DNSNames:              []string{name},
		NotBefore:             time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC),
		NotAfter:              time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC),
		IsCA:                  true,
		BasicConstraintsValid: true,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

// answer is a TLS server on the network that echoes, and says which name it was
// asked for.
func (r *rig) answer(port uint16, config *tls.Config) chan string {
	l := r.listen(port)
	names := make(chan string, 10)
	r.t.Cleanup(func() { l.l.Close() })
	go func() {
		for {
			c, err := l.l.Accept()
			if err != nil {
				return
			}
			r.t.Cleanup(func() { c.Close() })
			go func() {
				conn := tls.Server(c, config)
				defer conn.Close()
				if conn.Handshake() != nil {
					names <- "no handshake"
					return
				}
				names <- conn.ConnectionState().ServerName
				buf := make([]byte, 20000)
				for {
					n, err := conn.Read(buf)
					if err != nil {
						return
					}
					conn.Write(buf[:n])
				}
			}()
		}
	}()
	return names
}

func TestSSLClient(t *testing.T) {
	cert, roots := certificate(t, "example.com")
	virtually(t, Config{Version: "esp32-4.0", Roots: roots}, func(r *rig) {
		names := r.answer(443, &tls.Config{Certificates: []tls.Certificate{cert}})
		r.join()
		r.do("AT+CIPMUX=1", ok)
		// Without SNI the server is asked for no name.
		start := time.Now()
		r.do(`AT+CIPSTART=2,"SSL","example.com",443`, "2,CONNECT\r\n"+ok)
		if d := time.Since(start); d < 800*time.Millisecond+30*time.Millisecond {
			t.Errorf("an SSL connection took %v", d)
		}
		if name := <-names; name != "" {
			t.Errorf("SNI %q", name)
		}
		r.do("AT+CIPSEND=2,5", "\r\nOK\r\n\r\n>")
		r.send("hello")
		r.expect("\r\nRecv 5 bytes\r\n" + sent)
		r.expect("\r\n+IPD,2,5:hello")
		r.do("AT+CIPCLOSE=2", "2,CLOSED\r\n"+ok)
		// In passive mode the announced length is the record's.
		r.do("AT+CIPRECVTYPE=5,1", ok)
		r.do(`AT+CIPSSLCSNI=2,"example.com"`, ok)
		r.do(`AT+CIPSTART=2,"SSL","example.com",443`, "2,CONNECT\r\n"+ok)
		if name := <-names; name != "example.com" {
			t.Errorf("SNI %q", name)
		}
		r.do("AT+CIPSEND=2,5", "\r\nOK\r\n\r\n>")
		r.send("hello")
		r.expect("\r\nRecv 5 bytes\r\n" + sent)
		r.expect("\r\n+IPD,2,34\r\n")
		r.do("AT+CIPRECVDATA=2,34", "+CIPRECVDATA:5,hello"+ok)
		r.do("AT+CIPRECVDATA=2,34", bad)
		r.do("AT+CIPCLOSE=2", "2,CLOSED\r\n"+ok)
		// Verification needs the time.
		r.do("AT+CIPSSLCCONF=2,2", ok)
		r.do(`AT+CIPSSLCCN=2,"example.com"`, ok)
		r.do(`AT+CIPSTART=2,"SSL","example.com",443`, bad)
		<-names
		r.do("AT+CIPSNTPCFG=1,0", ok+"+TIME_UPDATED\r\n")
		r.do(`AT+CIPSTART=2,"SSL","example.com",443`, "2,CONNECT\r\n"+ok)
		<-names
		r.do("AT+CIPCLOSE=2", "2,CLOSED\r\n"+ok)
		r.do(`AT+CIPSSLCCN=2,"example.org"`, ok)
		r.do(`AT+CIPSTART=2,"SSL","example.com",443`, bad)
		<-names
		// A certificate that there is not.
		r.do("AT+CIPSSLCCONF=2,1", ok)
		r.do(`AT+CIPSTART=2,"SSL","example.com",443`, "NO CERT FOUND\r\n"+bad)
		// No TLS at the other end; and nobody.
		r.do("AT+CIPSSLCCONF=2,0", ok)
		plain := r.listen(80)
		go func() {
			c, err := plain.l.Accept()
			if err == nil {
				c.Write([]byte("HTTP/1.0 400 Bad Request\r\n\r\n"))
				c.Close()
			}
		}()
		r.do(`AT+CIPSTART=2,"SSL","example.com",80`, bad)
		r.do(`AT+CIPSTART=2,"SSL","example.com",81`, bad)
	})
}

// Much data over SSL, in both directions and both modes.
func TestSSLStream(t *testing.T) {
	cert, _ := certificate(t, "example.com")
	virtually(t, Config{Version: "esp32-4.0"}, func(r *rig) {
		names := r.answer(443, &tls.Config{Certificates: []tls.Certificate{cert}})
		r.join()
		r.do(`AT+CIPSTART="SSL","example.com",443`, "CONNECT\r\n"+ok)
		<-names
		r.do("AT+CIPSEND=8192", "\r\nOK\r\n\r\n>")
		want := string(payload(8192))
		r.send(want)
		r.expect("\r\nRecv 8192 bytes\r\n" + sent)
		got := ""
		for len(got) < len(want) {
			got += r.ipd(":")
		}
		if got != want {
			t.Error("other data came back")
		}
	})
}

func TestSSLServer(t *testing.T) {
	cert, roots := certificate(t, "shed")
	virtually(t, Config{Version: "esp32-2.4", ServerCert: &cert, Roots: roots}, func(r *rig) {
		r.join()
		r.do("AT+CIPMUX=1", ok)
		r.do(`AT+CIPSERVER=1,443,"SSL"`, ok)
		time.Sleep(time.Millisecond)
		conn := tls.Client(r.dial(443), &tls.Config{RootCAs: roots, ServerName: "shed", Time: time.Now})
		if err := conn.Handshake(); err != nil {
			t.Fatal(err)
		}
		r.expect("0,CONNECT\r\n")
		conn.Write([]byte("hello"))
		r.expect("\r\n+IPD,0,5:hello")
		r.do("AT+CIPSEND=0,3", "\r\nOK\r\n\r\n>")
		r.send("yes")
		r.expect("\r\nRecv 3 bytes\r\n" + sent)
		if got := r.read(conn, 3); got != "yes" {
			t.Errorf("the client got %q", got)
		}
		conn.Close()
		r.expect("0,CLOSED\r\n")
		// Who cannot shake hands is not announced.
		plain := r.dial(443)
		plain.Write([]byte("GET / HTTP/1.0\r\n\r\n"))
		r.quiet()
		plain.Close()
		time.Sleep(time.Second)
		r.do("AT+CIPSERVER=0", ok)
		// With CA a client needs a certificate.
		r.do(`AT+CIPSERVER=1,443,"SSL",1`, ok)
		time.Sleep(time.Millisecond)
		bare := tls.Client(r.dial(443), &tls.Config{InsecureSkipVerify: true})
		bare.Handshake()
		bare.SetReadDeadline(time.Now().Add(5 * time.Second))
		if _, err := bare.Read(make([]byte, 1)); err == nil || !strings.Contains(err.Error(), "handshake failure") {
			t.Errorf("a client without a certificate: %v", err)
		}
		bare.Close()
		known := tls.Client(r.dial(443), &tls.Config{InsecureSkipVerify: true, Certificates: []tls.Certificate{cert}})
		if err := known.Handshake(); err != nil {
			t.Fatal(err)
		}
		r.expect("0,CONNECT\r\n")
	})
}

// An ESP8266 has memory for one SSL link.
func TestOneSSLLinkOnESP8266(t *testing.T) {
	cert, _ := certificate(t, "example.com")
	virtually(t, Config{Version: "esp8266-2.2"}, func(r *rig) {
		names := r.answer(443, &tls.Config{Certificates: []tls.Certificate{cert}})
		r.join()
		r.do("AT+CIPMUX=1", ok)
		r.do(`AT+CIPSTART=0,"SSL","10.0.0.1",443`, "0,CONNECT\r\n"+ok)
		<-names
		r.do(`AT+CIPSTART=1,"SSL","10.0.0.1",443`, bad)
		r.do(`AT+CIPSERVER=1,443,"SSL"`, bad)
		r.do("AT+CIPCLOSE=0", "0,CLOSED\r\n"+ok)
		r.do(`AT+CIPSTART=1,"SSL","10.0.0.1",443`, "1,CONNECT\r\n"+ok)
		<-names
	})
}
