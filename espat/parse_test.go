package espat

import (
	"net/netip"
	"testing"
	"time"
)

func TestAddresses(t *testing.T) {
	for _, s := range []string{
		"10.0.0.1", "255.255.255.255", "0.0.0.0", "::", "::1", "1::", "fe80::1", "2001:db8::2:0:0:7", "2001:DB8:0:1:2:3:4:5",
		"::ffff:10.0.0.1", "::10.0.0.1", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7::",
	} {
		if got, want := address(s), netip.MustParseAddr(s).Unmap(); got != want {
			t.Errorf("%s is %v", s, got)
		}
	}
	for _, s := range []string{
		"", "1", "1.2.3", "1.2.3.4.5", "1.2.3.256", "1..2.3", "1.2.3.", "a.b.c.d", ":", ":::", "1:", "1:2:3:4:5:6:7", "1::2::3",
		"1:2:3:4:5:6:7:8:9", "12345::", "::1.2.3", "1:2:3:4:5:6:7:1.2.3.4", "g::", "1.2.3.4 ", "::1%eth0",
	} {
		if got := address(s); got.IsValid() {
			t.Errorf("%q is %v", s, got)
		}
	}
}

func FuzzAddress(f *testing.F) {
	for _, s := range []string{"10.0.0.1", "fe80::1", "::", "1:2:3:4:5:6:1.2.3.4", "01.2.3.4"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := address(s)
		want, err := netip.ParseAddr(s)
		if err != nil || want.Zone() != "" {
			if got.IsValid() {
				t.Errorf("%q is %v", s, got)
			}
			return
		}
		if got != want.Unmap() {
			t.Errorf("%q is %v, want %v", s, got, want)
		}
	})
}

func TestClock(t *testing.T) {
	at := time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC)
	for range 2000 { // over the leap years, 2100 among them
		if got := clock(at.Format(time.ANSIC)); got != at.Unix() {
			t.Fatalf("%s is %v", at.Format(time.ANSIC), time.Unix(got, 0).UTC())
		}
		at = at.Add(19*24*time.Hour + 7*time.Hour + 13*time.Minute + 51*time.Second)
	}
	for _, s := range []string{"", "Thu Jan  1 00:00:00 1970", "Tue Xxx 19 17:47:56 2021", "Tue Oct 19 17:47:56 20", "Tue Oct aa 17:47:56 2021"} {
		if got := clock(s); got != 0 {
			t.Errorf("%q is %d", s, got)
		}
	}
}

func TestFields(t *testing.T) {
	for _, tt := range []struct{ in, f, rest string }{
		{`"a,b",1`, `a,b`, `1`}, {`"a"`, `a`, ``}, {`1,2`, `1`, `2`}, {`x`, `x`, ``}, {`"open`, `"open`, ``}, {`"",`, ``, ``}, {`"a"b",c`, `a"b`, `c`},
	} {
		if f, rest := field(tt.in); string(f) != tt.f || string(rest) != tt.rest {
			t.Errorf("%s: %q and %q", tt.in, f, rest)
		}
	}
}

func TestHeads(t *testing.T) {
	var from place
	from.set(netip.MustParseAddrPort("10.0.0.5:5000"))
	for s, want := range map[string]header{
		"+IPD,0,5":                          {link: 0, size: 5},
		"+IPD,0,16413":                      {link: 0, size: 16413}, // a full TLS record
		"+IPD,4,2920,\"10.0.0.5\",5000":     {link: 4, size: 2920, from: from},
		"+IPD,4,2920,10.0.0.5,5000":         {link: 4, size: 2920, from: from},
		"+IPD,1,1,\"::ffff:10.0.0.5\",5000": {link: 1, size: 1, from: from},
	} {
		if h := (header{}); !h.push(s) || h != want {
			t.Errorf("%s: %+v", s, h)
		}
	}
	for _, s := range []string{"+IPD,5,1", "+IPD,0", "+IPD,0,", "+IPD,0,99999", "+IPD,0,18438", "+IPD,0,1,", "+IPD,0,1,x,y", "+IPD,0,1,\"10.0.0.5\"", "+IPD,0,1x", "+IPD,-1,1", "+IPD,5"} {
		if h := (header{}); h.push(s) {
			t.Errorf("%s: %+v", s, h)
		}
	}
	var h header
	if !h.reply(`+CIPRECVDATA:7,"10.0.0.5",5000`, true) || h.size != 7 || h.from != from {
		t.Errorf("%+v", h)
	}
	if h.reply(`+CIPRECVDATA:7,"10.0.0.5",5000`, false) {
		t.Error("an address where there is none")
	}
}

// The pool gives each owner its data in order, whatever the others do.
func TestPool(t *testing.T) {
	p := pool{buf: make([]byte, 0, 200)}
	var from place
	from.set(netip.MustParseAddrPort("10.0.0.5:5000"))
	push := func(k int, s string, whole bool) bool {
		if !p.begin(k, len(s), &from, whole) {
			return false
		}
		n := p.add([]byte(s))
		p.close()
		return n == len(s)
	}
	if !push(1, "abc", false) || !push(2, "datagram", true) || !push(1, "defg", false) || !push(2, "", true) {
		t.Fatal("no room")
	}
	if push(2, string(make([]byte, 100)), true) {
		t.Error("room for a datagram that does not fit")
	}
	b := make([]byte, 5)
	if n := p.stream(1, b); string(b[:n]) != "abcde" {
		t.Errorf("%q", b[:n])
	}
	if n, a, ok := p.datagram(2, b); string(b[:n]) != "datag" || a != from || !ok {
		t.Errorf("%q %v %v", b[:n], a, ok)
	}
	if n, _, ok := p.datagram(2, b); n != 0 || !ok {
		t.Error("no empty datagram")
	}
	// Taking from a record that is still open, and what comes after that.
	p.begin(3, 4, &from, false)
	p.add([]byte("12"))
	if n := p.stream(1, b); string(b[:n]) != "fg" {
		t.Errorf("%q", b[:n])
	}
	if n := p.stream(3, b); n != 0 {
		t.Errorf("%q before the rest has come", b[:n])
	}
	p.add([]byte("34"))
	p.close()
	if n := p.stream(3, b); string(b[:n]) != "1234" || p.holds(3) || len(p.buf) > recordHead {
		t.Errorf("%q, and %d bytes are left", b[:n], len(p.buf))
	}
	// Unless it is for want of room that the rest has not come.
	p.begin(3, 1000, &from, false)
	if n := p.add(make([]byte, 1000)); n != 200-recordHead {
		t.Errorf("%d bytes fit", n)
	}
	if n := p.stream(3, b); n != len(b) {
		t.Errorf("%d bytes of a full pool", n)
	}
	p.undo()
	if len(p.buf) != 0 || p.holds(3) {
		t.Errorf("%d bytes are left", len(p.buf))
	}
}
