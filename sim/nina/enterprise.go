package nina

import "encoding/binary"

// enterprise is who a station says it is, on an AuthEnterprise network.
type enterprise struct {
	on                       bool // Adafruit's: command 4F
	identity, user, password string
	certificate              bool // it comes with one
}

// user adds what Adafruit's commands have said to what a station wants.
func (f *firmware) user(want wanted) wanted {
	if f.wifi.ent.on {
		e := f.wifi.ent
		want.ent = &e
	}
	return want
}

// Buffers of nina-fw 2.0.0 CommandHandler.cpp, setEnt.
const userBuffer = 128 + 1

// setEnterprise reads its parameters and joins. Certificates and keys are C
// strings, which go on to the next NUL, wherever that is; nobody checks them
// here.
func setEnterprise(f *firmware, in input, r *reply) {
	at := 6 // the type is one byte, whatever its length says
	field := func(size int, what string) []byte {
		if f.hung {
			return nil
		}
		n := int(binary.BigEndian.Uint16(in[at:]))
		at += 2
		switch {
		case n > size:
			f.hang("%s of %d bytes overruns a buffer of %d", what, n, size)
		case at+n+2 > len(in):
			f.hang("%s of %d bytes runs past the frame", what, n)
		default:
			at += n
			return in[at-n : at]
		}
		return nil
	}
	e := &enterprise{certificate: in[5] != 0}
	ssid := cstring(field(ssidBuffer, "SSID"))
	if e.certificate {
		cert := field(frameMax, "certificate")
		key := field(frameMax, "key")
		e.certificate = cstring(cert) != "" && cstring(key) != ""
	} else {
		e.user = cstring(field(userBuffer, "user name"))
		e.password = cstring(field(userBuffer, "password"))
	}
	e.identity = cstring(field(userBuffer, "identity"))
	field(frameMax, "CA")
	if f.hung {
		return
	}
	f.begin(wanted{ssid: ssid, ent: e})
	r.ack()
}

// shortBuffer is that of Adafruit's commands 4A to 4C.
const shortBuffer = 32 + 1

func (f *firmware) setEntText(in input, r *reply, to *string, what string) {
	if s, _, ok := f.cText(in, 3, shortBuffer, what); ok {
		*to = s
		r.ack()
	}
}

func setIdentity(f *firmware, in input, r *reply) {
	f.setEntText(in, r, &f.wifi.ent.identity, "identity")
}
func setUserName(f *firmware, in input, r *reply) {
	f.setEntText(in, r, &f.wifi.ent.user, "user name")
}
func setPassword(f *firmware, in input, r *reply) {
	f.setEntText(in, r, &f.wifi.ent.password, "password")
}

func enableEnterprise(f *firmware, _ input, r *reply) {
	f.wifi.ent.on = true
	r.ack()
}

// Sizes of Adafruit's CERT_BUF and PK_BUFF, which are filled from the fifth
// byte of the frame on, whatever the lengths in it say.
const (
	certSize = 1300
	keySize  = 1700
)

func setClientCert(f *firmware, in input, r *reply) {
	f.clientCert = []byte(cstring(in.text(4, certSize)))
	r.ack()
}

func setClientKey(f *firmware, in input, r *reply) {
	f.clientKey = []byte(cstring(in.text(4, keySize)))
	r.ack()
}
