//go:build linux || darwin

package hostnet

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"tinynet/netdev"
)

// systemFile makes text what *name is, for the test.
func systemFile(t *testing.T, name *string, text string) {
	old := *name
	t.Cleanup(func() { *name = old })
	*name = filepath.Join(t.TempDir(), "file")
	check(t, os.WriteFile(*name, []byte(text), 0o644))
}

func TestLookupHost(t *testing.T) {
	systemFile(t, &hostsFile, `
# comment
127.0.0.1	localhost   # the machine
::1 localhost ip6-localhost
fe80::1%lo zoned
192.0.2.7 Printer.Example.  printer
192.0.2.8 printer
2001:db8::7 printer
junk printer
192.0.2.9
`)
	d := New()
	for _, tt := range []struct {
		network, name string
		want          []string
	}{
		{"ip", "printer", []string{"192.0.2.7", "192.0.2.8", "2001:db8::7"}},
		{"ip4", "PRINTER.", []string{"192.0.2.7", "192.0.2.8"}},
		{"ip6", "printer", []string{"2001:db8::7"}},
		{"ip", "printer.example", []string{"192.0.2.7"}},
		{"ip6", "printer.example", nil},
		{"ip", "zoned", []string{"fe80::1%lo"}},
		{"ip", "localhost", []string{"127.0.0.1", "::1"}},
		{"ip", "www.localhost", []string{"127.0.0.1", "::1"}},
		{"ip4", "192.0.2.1", []string{"192.0.2.1"}},
		{"ip", "::ffff:192.0.2.1", []string{"192.0.2.1"}},
		{"ip4", "::1", nil},
		{"ip", "comment", nil},
		{"ip", "192.0.2", nil},
		{"ip", "", nil},
		{"ip", string(make([]byte, 300)), nil},
	} {
		got, err := d.LookupHost(tt.network, tt.name, time.Time{})
		var text []string
		for _, ip := range got {
			text = append(text, ip.String())
		}
		if !slices.Equal(text, tt.want) {
			t.Errorf("%s %q: %v, want %v", tt.network, tt.name, text, tt.want)
		}
		if (err == nil) != (tt.want != nil) || err != nil && !errors.Is(err, netdev.ErrHostUnknown) {
			t.Errorf("%s %q: error %v", tt.network, tt.name, err)
		}
	}
	if _, err := d.LookupHost("ip", "printer", time.Unix(1, 0)); err != netdev.ErrTimeout {
		t.Errorf("after the deadline: %v, want ErrTimeout", err)
	}
	if _, err := d.LookupHost("tcp", "printer", time.Time{}); !errors.Is(err, netdev.ErrNotSupported) {
		t.Errorf("network tcp: %v, want ErrNotSupported", err)
	}
	if ip, err := d.GetHostByName("printer"); err != nil || ip != netip.MustParseAddr("192.0.2.7") {
		t.Errorf("GetHostByName: %v, %v", ip, err)
	}
	hostsFile += "-missing"
	if ip, err := d.GetHostByName("localhost"); err != nil || ip != netip.MustParseAddr("127.0.0.1") {
		t.Errorf("localhost without a hosts file: %v, %v", ip, err)
	}
}

func TestConnectByName(t *testing.T) {
	d := New()
	l, addr := listen(t, d, loopback4)
	defer d.Close(l)
	fd := stream(t, d, loopback4)
	defer d.Close(fd)
	check(t, d.Connect(fd, "localhost", netip.AddrPortFrom(netip.Addr{}, addr.Port())))
}

func TestDNSServers(t *testing.T) {
	defer func(before func() (string, error)) { hostname = before }(hostname)
	hostname = func() (string, error) { return "name.of.this.host", nil }
	for _, tt := range []struct {
		text    string
		servers []string
		search  []string
		ndots   int
	}{
		{"# c\n; c\nnameserver 192.0.2.1 # c\nnameserver fe80::1%lo\nnameserver junk\nnameserver\n" +
			"domain example.net\nsearch example.org corp.example.org\noptions rotate ndots:3 timeout:1\n",
			[]string{"192.0.2.1:53", "[fe80::1%lo]:53"}, []string{"example.org", "corp.example.org"}, 3},
		{"nameserver 192.0.2.1\nnameserver 192.0.2.2\nnameserver 192.0.2.3\nnameserver 192.0.2.4\nsearch a\ndomain b\noptions ndots:99",
			[]string{"192.0.2.1:53", "192.0.2.2:53", "192.0.2.3:53"}, []string{"b"}, 15},
		{"search .\noptions ndots:2x", []string{"127.0.0.1:53", "[::1]:53"}, []string{"of.this.host"}, 2},
		{"search x\noptions ndots:-1 ndots:x", []string{"127.0.0.1:53", "[::1]:53"}, []string{"x"}, 0},
	} {
		systemFile(t, &resolvFile, tt.text)
		d := New()
		var servers []string
		for _, s := range d.DNSServers() {
			servers = append(servers, s.String())
		}
		if !slices.Equal(servers, tt.servers) {
			t.Errorf("servers %v, want %v", servers, tt.servers)
		}
		search, ndots := d.DNSSearch()
		if !slices.Equal(search, tt.search) || ndots != tt.ndots {
			t.Errorf("search %v, ndots %d; want %v, %d", search, ndots, tt.search, tt.ndots)
		}
	}
}

func TestAddr(t *testing.T) {
	ip, err := New().Addr()
	check(t, err)
	if !ip.IsValid() || ip.IsUnspecified() {
		t.Errorf("the device's address is %v", ip)
	}
}

func FuzzHosts(f *testing.F) {
	f.Add("127.0.0.1 a\n::1 a # b", "a")
	f.Fuzz(func(t *testing.T, text, name string) {
		systemFile(t, &hostsFile, text)
		systemFile(t, &resolvFile, text)
		d := &Device{}
		all, err := d.LookupHost("ip", name, time.Time{})
		if (err == nil) != (len(all) > 0) {
			t.Fatal(all, err)
		}
		if servers := d.DNSServers(); len(servers) == 0 || len(servers) > 3 {
			t.Fatal(servers)
		}
		if _, ndots := d.DNSSearch(); ndots < 0 || ndots > 15 {
			t.Fatal(ndots)
		}
	})
}
