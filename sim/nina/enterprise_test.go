package nina

import (
	"testing"
	"time"
)

var office = []AccessPoint{{SSID: "office", Auth: AuthEnterprise, User: "me", Password: "secret"}}

func enterpriseJoin(user, password string) []byte {
	return build(0x40, b(0), []byte("office"), []byte(user), []byte(password), []byte("id"), b(0))
}

func TestEnterprise(t *testing.T) {
	run(t, Config{AccessPoints: office}, func(r *rig) {
		r.command(enterpriseJoin("me", "secret"))
		r.is("answer", r.answer(), []byte{1})
		time.Sleep(2 * time.Second)
		r.is("status", r.status(), 3)
		r.is("encryption", r.ask(0x26, b(255))[0], 255)
	})
	run(t, Config{AccessPoints: office}, func(r *rig) {
		r.command(enterpriseJoin("me", "wrong"))
		r.answer()
		time.Sleep(4 * time.Second)
		r.is("status", r.status(), 6)
		r.is("reason", r.ask(0x1f)[0], 23)
		r.ask(0x11, []byte("office"), []byte("secret"))
		time.Sleep(4 * time.Second)
		r.is("status with a passphrase", r.status(), 6)
	})
	// EAP-TLS: certificate and key are C strings, whose NUL is inside.
	run(t, Config{AccessPoints: office}, func(r *rig) {
		r.is("TLS", r.ask(0x40, b(1), []byte("office"), []byte("cert\x00"), []byte("key\x00"), []byte("id"), b(0))[0], 1)
		time.Sleep(2 * time.Second)
		r.is("status", r.status(), 3)
		r.is("no key", r.ask(0x40, b(1), []byte("office"), []byte("cert\x00"), b(0), []byte("id"), b(0))[0], 1)
		time.Sleep(4 * time.Second)
		r.is("status", r.status(), 6)
		r.is("long", r.ask(0x40, b(1), []byte("office"), make([]byte, 1300), make([]byte, 1700), []byte("id"), b(0))[0], 1)
	})
	// Where any access point is there, it takes anybody.
	run(t, Config{}, func(r *rig) {
		r.command(enterpriseJoin("whoever", ""))
		r.answer()
		time.Sleep(2 * time.Second)
		r.is("status", r.status(), 3)
	})
}

func TestEnterpriseBuffers(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.command(build(0x40, b(0), []byte("office"), make([]byte, 129), nil, nil, b(0)))
		r.is("129 bytes", r.answer(), []byte{1})
		r.command(build(0x40, b(0), []byte("office"), make([]byte, 130), nil, nil, b(0)))
		r.hung("user name of 130 bytes overruns a buffer of 129")
	})
}

// Adafruit's: three texts, then a switch, then a join as to an open network.
func TestEnterpriseOfAdafruit(t *testing.T) {
	for _, fw := range []string{Adafruit17, Adafruit33} {
		run(t, Config{Firmware: fw, AccessPoints: office}, func(r *rig) {
			r.is("identity", r.ask(0x4a, []byte("id")), []byte{1})
			r.is("user", r.ask(0x4b, []byte("me")), []byte{1})
			r.is("password", r.ask(0x4c, []byte("secret")), []byte{1})
			r.ask(0x10, []byte("office"))
			time.Sleep(4 * time.Second)
			r.is("joined without the switch", r.status() == 3, false)
			r.is("enable", r.ask(0x4f), []byte{1})
			r.ask(0x10, []byte("office"))
			time.Sleep(2 * time.Second)
			r.is("status", r.status(), 3)
			r.command(build(0x4b, make([]byte, 34)))
			r.hung("user name of 34 bytes overruns a buffer of 33")
		})
	}
}
