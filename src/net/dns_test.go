package net

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	_ "unsafe" // for go:linkname
)

// What comes out of look-ups is compared with Go's net in the netdevtest module,
// over DNS servers that misbehave in all sorts of ways. Here are the parts.

//go:linkname stdIsDomainName net.isDomainName
func stdIsDomainName(s string) bool

func FuzzIsDomainName(f *testing.F) {
	label := strings.Repeat("a", 63)
	for _, s := range []string{
		"", ".", "..", "a", "a.", ".a", "a..b", "-a", "a-", "a-.b", "a.-b", "1", "1.2.3.4", "1.a", "_a._b.c", "a b", "ä",
		label, label + "a", label + "." + label + "." + label + "." + label[:61], label + "." + label + "." + label + "." + label[:61] + ".",
		label + "." + label + "." + label + "." + label[:62], label + "." + label + "." + label + "." + label[:62] + ".",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if got, want := isDomainName(s), stdIsDomainName(s); got != want {
			t.Errorf("isDomainName(%q) is %v, Go says %v", s, got, want)
		}
	})
}

func TestDNSQuery(t *testing.T) {
	got, ok := dnsQuery(0x1234, "a.example.", dnsMX, false)
	want := "\x00\x26\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x01" + "\x01a\x07example\x00\x00\x0f\x00\x01" +
		"\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x00"
	if string(got) != want || !ok {
		t.Errorf("query %q, want %q", got, want)
	}
	if got, _ := dnsQuery(1, ".", dnsNS, true); string(got[4:6]) != "\x01\x20" || string(got[14:17]) != "\x00\x00\x02" {
		t.Errorf("query for the root with the AD bit: %q", got)
	}
	for _, name := range []string{"", "a", "..", ".a.", "a..b.", strings.Repeat("a", 64) + ".", strings.Repeat("a.", 128)} {
		if got, ok := dnsQuery(1, name, dnsA, false); ok {
			t.Errorf("query for %q: %q", name, got)
		}
	}
}

func TestDNSNames(t *testing.T) {
	long := strings.Repeat("\x3f"+strings.Repeat("a", 63), 3)
	for _, tt := range []struct{ wire, want string }{
		{"\x01a\x02bc\x00", "a.bc."},
		{"\x00", "."},
		{"\xc0\x02\x01a\x00", "a."},
		{long + "\x3d" + strings.Repeat("a", 61) + "\x00", strings.Repeat(strings.Repeat("a", 63)+".", 3) + strings.Repeat("a", 61) + "."},
		{long + "\x3e" + strings.Repeat("a", 62) + "\x00", ""},
		{"\xc0\x00", ""},      // points to itself
		{"\x01a\xc0\x00", ""}, // goes round
		{"\xc0", ""},          // cut off
		{"\xc0\x09", ""},      // points beyond the end
		{"\x05abc", ""},       // cut off
		{"\x01a", ""},         // no end
		{"\x40a\x00", ""},     // reserved
		{"\x80a\x00", ""},     // reserved
		{"\x03a.b\x00", ""},   // not the same name in text
		{"", ""},
	} {
		m := dnsMessage{b: []byte(tt.wire)}
		if got, _, ok := m.name(0); got != tt.want || ok != (tt.want != "") {
			t.Errorf("%q: %q, %v, want %q", tt.wire, got, ok, tt.want)
		}
	}
}

// No message makes the parser panic or go on for ever.
func FuzzDNSMessage(f *testing.F) {
	q, _ := dnsQuery(1, "a.example.", dnsA, false)
	f.Add(q[2:])
	f.Add([]byte("\x00\x01\x81\x80\x00\x01\x00\x02\x00\x00\x00\x01\x01a\x00\x00\x01\x00\x01" +
		"\xc0\x0c\x00\x05\x00\x01\x00\x00\x00\x01\x00\x02\xc0\x0c\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x01\x00\x04\x7f\x00\x00\x01" +
		"\x00\x00\x29\x04\xd0\x01\x00\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, ok := parseDNS(b)
		if !ok {
			return
		}
		m.question()
		m.rcode()
		for _, qtype := range []uint16{dnsA, dnsMX, dnsTXT} {
			m.check(qtype)
		}
		a := dnsAnswer{dnsMessage: m}
		a.each(dnsTXT, "x", func(r dnsRecord) bool { _, ok := a.text(r); return ok })
		a = dnsAnswer{dnsMessage: m}
		a.each(dnsSRV, "x", func(r dnsRecord) bool { _, _, ok := a.name(r.data + 6); return ok })
		var ips []netip.Addr
		var cname string
		a = dnsAnswer{dnsMessage: m}
		a.collect("x", &ips, &cname)
	})
}

func TestDNSNamesToAsk(t *testing.T) {
	c := &dnsSettings{search: []string{"x.", "y.z.", strings.Repeat("w", 60) + ".", "onion."}, ndots: 1}
	far := strings.Repeat("abcdefg.", 30)
	for _, tt := range []struct{ name, want string }{
		{"a", "a.x. a.y.z. a." + c.search[2] + " a."},
		{"a.b", "a.b. a.b.x. a.b.y.z. a.b." + c.search[2]},
		{"a.", "a."},
		{"a.onion.", ""},
		{"a.ONION", "a.ONION.x. a.ONION.y.z. a.ONION." + c.search[2]},
		{far + "a", far + "a. " + far + "a.x. " + far + "a.y.z."},
	} {
		if got := strings.Join(c.names(tt.name), " "); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

// systemDevice is what net sees of the operating system's network.
type systemDevice struct{ fullDevice }

func (systemDevice) HasLoopback() bool { return true }
func (systemDevice) DNSServers() []netip.AddrPort {
	return []netip.AddrPort{netip.MustParseAddrPort("192.0.2.53:53"), netip.MustParseAddrPort("[2001:db8::53]:53")}
}
func (systemDevice) DNSSearch() ([]string, int) { return []string{"a.example", "b.", ".", ""}, 3 }

func systemFile(t *testing.T, name *string, text string) {
	old := *name
	t.Cleanup(func() { *name = old })
	*name = filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(*name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestDNSConfig(t *testing.T) {
	if _, err := DefaultResolver.dnsSettings(); err != errNoDevice {
		t.Errorf("without a device: %v", err)
	}
	d := newFakeDevice(t)
	use(t, d)
	if _, err := DefaultResolver.LookupMX(context.Background(), "a.example"); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("a device that tells no DNS server: %v", err)
	}
	dialing := &Resolver{Dial: new(Dialer).DialContext}
	cfg, err := dialing.dnsSettings()
	if err != nil || strings.Join(cfg.servers, " ") != "127.0.0.1:53 [::1]:53" || cfg.ndots != 1 || cfg.attempts != 2 || cfg.timeout != 5*time.Second {
		t.Errorf("a Resolver that dials: %+v, %v", cfg, err)
	}
	use(t, systemDevice{fullDevice{d}})
	for _, tt := range []struct{ text, want string }{
		{"", show(dnsSettings{ndots: 3, attempts: 2, timeout: 5 * time.Second})},
		{"# options rotate\n; options rotate\nnameserver 1.2.3.4\noptions timeout:3 attempts:7 rotate single-request use-vc trust-ad junk\noptions\n",
			show(dnsSettings{ndots: 3, attempts: 7, timeout: 3 * time.Second, rotate: true, singleRequest: true, useTCP: true, trustAD: true})},
		{"options timeout:0 attempts:-1 tcp single-request-reopen", show(dnsSettings{ndots: 3, attempts: 1, timeout: time.Second, useTCP: true, singleRequest: true})},
		{"options timeout: attempts:x", show(dnsSettings{ndots: 3, attempts: 1, timeout: time.Second})},
		{"options timeout attempts rotate:1", show(dnsSettings{ndots: 3, attempts: 2, timeout: 5 * time.Second})},
	} {
		systemFile(t, &resolvFile, tt.text)
		cfg, err := DefaultResolver.dnsSettings()
		if err != nil || strings.Join(cfg.servers, " ") != "192.0.2.53:53 [2001:db8::53]:53" || strings.Join(cfg.search, " ") != "a.example. b." {
			t.Fatalf("%+v, %v", cfg, err)
		}
		cfg.servers, cfg.search = nil, nil
		if got := show(*cfg); got != tt.want {
			t.Errorf("%q\n gives %s\n want  %s", tt.text, got, tt.want)
		}
	}
}

func TestDNSRotate(t *testing.T) {
	c := &dnsSettings{servers: []string{"a", "b", "c"}}
	for range 2 {
		if c.turn() != 0 {
			t.Error("servers change although rotate is off")
		}
	}
	c.rotate = true
	first := c.turn()
	for i := 1; i < 7; i++ {
		if got, want := c.turn(), (first+i)%3; got != want {
			t.Errorf("look-up %d begins with server %d, want %d", i, got, want)
		}
	}
}

func TestHostsFile(t *testing.T) {
	use(t, systemDevice{fullDevice{newFakeDevice(t)}})
	systemFile(t, &hostsFilePath, "127.0.0.1\tlocalhost # a\n::1 localhost\n192.0.2.7 First.example Second\n192.0.2.8 other second third\n::ffff:192.0.2.7 mapped\nx y\n")
	for _, tt := range []struct{ addr, want string }{
		{"127.0.0.1", "localhost"},
		{"192.0.2.7", "First.example. Second mapped"},
		{"::ffff:192.0.2.8", "other second third"},
	} {
		got, err := LookupAddr(tt.addr)
		if err != nil || strings.Join(got, " ") != tt.want {
			t.Errorf("LookupAddr(%s): %q, %v, want %q", tt.addr, got, err, tt.want)
		}
	}
	for _, tt := range []struct{ name, want string }{
		{"localhost", "localhost"}, {"SECOND", "first.example."}, {"first.example", "first.example."}, {"third", "other"},
	} {
		if got, err := LookupCNAME(tt.name); err != nil || got != tt.want {
			t.Errorf("LookupCNAME(%s): %q, %v, want %q", tt.name, got, err, tt.want)
		}
	}
}

func TestSortSRV(t *testing.T) {
	const rounds = 2000
	first := map[uint16]int{}
	for range rounds {
		s := []*SRV{{Port: 9, Priority: 2}, {Port: 1, Weight: 10}, {Port: 2, Weight: 30}, {Port: 3}, {Port: 8, Priority: 1, Weight: 1}}
		sortSRV(s)
		if s[3].Port != 8 || s[4].Port != 9 {
			t.Fatalf("priorities are not in order: %v %v", *s[3], *s[4])
		}
		first[s[0].Port]++
	}
	// A quarter of them, give or take seven standard deviations.
	if n := first[1]; n < rounds/4-140 || n > rounds/4+140 || first[1]+first[2] != rounds {
		t.Errorf("of %d, the first by weight: %v", rounds, first)
	}
}

func TestAddressOrder(t *testing.T) {
	// Best first.
	for _, list := range [][][2]string{
		{{"2001:db8::1", "2001:db8::2"}, {"192.0.2.1", "10.0.0.2"}, {"2001:db8::1", ""}},
		{{"192.0.2.1", "10.0.0.2"}, {"2001:db8::1", "fe80::2"}},
		{{"192.0.2.1", "10.0.0.2"}, {"2001:db8::1", "fd00::2"}},
		{{"::1", "::1"}, {"127.0.0.1", "127.0.0.1"}},
		{{"192.0.2.1", "10.0.0.2"}, {"2002::1", "2002::2"}, {"2001::1", "2001::2"}, {"fd00::1", "fd00::2"}},
		{{"2001:db8::1", "2001:db8::2"}, {"fe80::1", "2001:db8::2"}},
		{{"fe80::1", "fe80::2"}, {"2001:db8::1", "fe80::2"}},
	} {
		last := 1 << 30
		for _, pair := range list {
			src, _ := netip.ParseAddr(pair[1])
			n := rank(netip.MustParseAddr(pair[0]), src)
			if n >= last {
				t.Errorf("%v: %s is not worse than the one before", list, pair[0])
			}
			last = n
		}
	}
}

func TestArpaName(t *testing.T) {
	for addr, want := range map[string]string{
		"1.2.3.40":         "40.3.2.1.in-addr.arpa.",
		"::ffff:127.0.0.1": "1.0.0.127.in-addr.arpa.",
		"2001:db8::12":     "2.1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa.",
	} {
		if got := arpaName(netip.MustParseAddr(addr)); got != want {
			t.Errorf("%s: %s, want %s", addr, got, want)
		}
	}
}

// A device's name look-up comes before DNS, and DNS is for what the device does not
// know or cannot do.
func TestWhoIsAsked(t *testing.T) {
	d := newFakeDevice(t)
	d.hosts["known"] = []netip.Addr{netip.MustParseAddr("192.0.2.1")}
	asked := 0
	old := dnsAddresses
	t.Cleanup(func() { dnsAddresses = old })
	client := func(r *Resolver, ctx context.Context, family byte, host string) ([]netip.Addr, error) {
		asked++
		return []netip.Addr{netip.MustParseAddr("192.0.2.2")}, nil
	}
	dial := new(Dialer).DialContext
	for _, tt := range []struct {
		dev     any
		r       Resolver
		host    string
		fail    error // of the device
		want    string
		without string // what it is without the DNS client
	}{
		{fullDevice{d}, Resolver{}, "known", nil, "192.0.2.1", "192.0.2.1"},
		{fullDevice{d}, Resolver{PreferGo: true}, "known", nil, "192.0.2.1", "192.0.2.1"},
		{fullDevice{d}, Resolver{Dial: dial}, "known", nil, "192.0.2.2", "unsupported"},
		{nil, Resolver{Dial: dial}, "known", nil, "192.0.2.2", "unsupported"},
		{fullDevice{d}, Resolver{}, "unknown", nil, "no such host", "no such host"},
		{systemDevice{fullDevice{d}}, Resolver{}, "known", nil, "192.0.2.1", "192.0.2.1"},
		{systemDevice{fullDevice{d}}, Resolver{PreferGo: true}, "known", nil, "192.0.2.1", "192.0.2.1"},
		{systemDevice{fullDevice{d}}, Resolver{Dial: dial}, "known", nil, "192.0.2.1", "192.0.2.1"},
		{systemDevice{fullDevice{d}}, Resolver{}, "unknown", nil, "192.0.2.2", "no such host"},
		{systemDevice{fullDevice{d}}, Resolver{}, "known", errNoRawIP, "192.0.2.2", "unsupported"},
		{systemDevice{fullDevice{d}}, Resolver{}, "known", os.ErrDeadlineExceeded, "timeout", "timeout"},
		{chipDevice{fullDevice{d}}, Resolver{}, "known", nil, "192.0.2.1", "192.0.2.1"},
		{chipDevice{fullDevice{d}}, Resolver{PreferGo: true}, "known", nil, "192.0.2.2", "192.0.2.1"},
		{chipDevice{fullDevice{d}}, Resolver{}, "known", errNoRawIP, "192.0.2.2", "unsupported"},
	} {
		for _, dnsAddresses = range []func(*Resolver, context.Context, byte, string) ([]netip.Addr, error){client, nil} {
			use(t, tt.dev)
			d.fail["LookupHost:ip"] = tt.fail
			want := tt.want
			if dnsAddresses == nil {
				want = tt.without
			}
			addrs, err := tt.r.LookupHost(context.Background(), tt.host)
			got := strings.Join(addrs, " ")
			var de *DNSError
			switch {
			case err == nil:
			case !errors.As(err, &de):
				t.Errorf("%T is no DNSError", err)
			case de.IsNotFound:
				got = "no such host"
			case de.Timeout():
				got = "timeout"
			case errors.Is(err, errors.ErrUnsupported):
				got = "unsupported"
			}
			if got != want {
				t.Errorf("%T, PreferGo %v, Dial %v, %s, device fails with %v, client %v: %s %v, want %s",
					tt.dev, tt.r.PreferGo, tt.r.Dial != nil, tt.host, tt.fail, dnsAddresses != nil, got, err, want)
			}
		}
	}
	if asked == 0 {
		t.Error("DNS was never asked")
	}
}

// chipDevice is a device that tells its DNS server.
type chipDevice struct{ fullDevice }

func (chipDevice) DNSServers() []netip.AddrPort {
	return []netip.AddrPort{netip.MustParseAddrPort("10.0.0.1:53")}
}

// Look-ups go through the sockets of the device like any other traffic, and leave
// none open.
func TestDNSOverDevice(t *testing.T) {
	d := newFakeDevice(t)
	use(t, chipDevice{fullDevice{d}})
	go func() {
		for {
			answered := false
			d.do(func() {
				for _, s := range d.socks {
					if len(s.outbox) == 0 {
						continue
					}
					q := s.outbox[0].data
					s.outbox = s.outbox[1:]
					a := append([]byte(nil), q...)
					a[2], a[3], a[7], a[11] = 0x81, 0x80, 1, 0
					a = append(a[:len(a)-11], "\xc0\x0c\x00\x10\x00\x01\x00\x00\x00\x01\x00\x06\x02hi\x02!!"...)
					s.inbox = append(s.inbox, fakeDatagram{s.peer, a})
					answered = true
				}
			})
			if answered {
				return
			}
			time.Sleep(time.Millisecond)
		}
	}()
	got, err := LookupTXT("a.example")
	if err != nil || len(got) != 1 || got[0] != "hi!!" {
		t.Errorf("%q, %v", got, err)
	}
	d.wantSockets(t, 0)
}

// A program's own resolver is used wherever names are.
func TestResolverDial(t *testing.T) {
	dialed := errors.New("dialed")
	r := &Resolver{Dial: func(ctx context.Context, network, address string) (Conn, error) {
		return nil, dialed
	}}
	d := Dialer{Resolver: r}
	_, err := d.Dial("tcp", "a.example:80")
	var de *DNSError
	if !errors.As(err, &de) || de.Err != "dialed" || de.Name != "a.example" || de.Server == "" {
		t.Errorf("a Dialer's Resolver: %v", err)
	}
}

// Cancelling ends a look-up that is waiting for an answer, of every kind.
func TestDNSCancel(t *testing.T) {
	use(t, nil)
	for _, kind := range []string{"addresses", "records"} {
		asked := make(chan bool, 9)
		r := &Resolver{Dial: func(ctx context.Context, network, address string) (Conn, error) {
			c, far := Pipe()
			go func() {
				io := make([]byte, 512)
				far.Read(io)
				asked <- true
			}()
			return c, nil
		}}
		ctx, cancel := context.WithCancel(context.Background())
		go func() {
			<-asked
			cancel()
		}()
		var err error
		if kind == "addresses" {
			_, err = r.LookupHost(ctx, "a.example.")
		} else {
			_, err = r.LookupMX(ctx, "a.example.")
		}
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", kind, err)
		}
	}
}
