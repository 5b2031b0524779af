package net

import (
	"context"
	"fmt"
	"math/rand"
	stdnet "net"
	"testing"
)

var portTexts = []string{
	"", "0", "80", "+80", "-80", "-0", "+", "-", "65535", "65536", "00080", "4294967295", "4294967296", "18446744073709551696",
	"http", "80x", "x80", " 80", "8 0", "1_000", "0x50", "1e3",
}

// checkPort compares with LookupPort where it does not look up: Go's
// parsePort cannot be called.
func checkPort(t *testing.T, s string) {
	t.Helper()
	if len(s) > 9 {
		return // Go's own sum overflows: it takes 8589934600 for port 8
	}
	port, lookup := parsePort(s)
	// A network that does not exist fails when the name is looked up.
	stdPort, stdErr := stdnet.DefaultResolver.LookupPort(context.Background(), "none", s)
	ours := show(port)
	switch {
	case lookup:
		ours = "address none: unknown network"
	case port < 0 || port > 65535:
		ours = "address " + s + ": invalid port"
	}
	gos := show(stdPort)
	if stdErr != nil {
		gos = stdErr.Error()
	}
	same(t, fmt.Sprintf("port %q", s), ours, gos)
}

func TestParsePortLikeGo(t *testing.T) {
	for _, s := range portTexts {
		checkPort(t, s)
	}
	r := rand.New(rand.NewSource(1))
	for range 4000 {
		checkPort(t, mutate(r, portTexts, "0123456789+-x"))
	}
}

func FuzzParsePort(f *testing.F) {
	for _, s := range portTexts {
		f.Add(s)
	}
	f.Fuzz(checkPort)
}

func TestParsePortOfManyDigits(t *testing.T) {
	for s, want := range map[string]int{
		"1073741822": 1<<30 - 2, "1073741823": 1<<30 - 1, "1073741824": 1<<30 - 1, "4294967376": 1<<30 - 1, "8589934600": 1<<30 - 1,
		"18446744073709551696": 1<<30 - 1, "999999999999999999999999999999": 1<<30 - 1,
		"-1073741823": 1 - 1<<30, "-1073741824": -1 << 30, "-1073741825": -1 << 30, "-8589934600": -1 << 30,
	} {
		if port, lookup := parsePort(s); lookup || port != want {
			t.Errorf("parsePort(%q) = %d, %v; want %d", s, port, lookup, want)
		}
	}
}

func TestLookupPort(t *testing.T) {
	// What Go knows without a file of services.
	for service, want := range map[string]int{
		"ftp": 21, "ftps": 990, "gopher": 70, "http": 80, "https": 443, "imap2": 143, "imap3": 220, "imaps": 993,
		"pop3": 110, "pop3s": 995, "smtp": 25, "submissions": 465, "ssh": 22, "telnet": 23, "HTTP": 80, "Ssh": 22,
	} {
		for _, network := range []string{"tcp", "tcp4", "tcp6", "ip"} {
			if port, err := lookupPort(network, service); port != want || err != nil {
				t.Errorf("lookupPort(%q, %q) = %d, %v; want %d", network, service, port, err, want)
			}
		}
	}
	for _, network := range []string{"udp", "udp4", "udp6", "ip"} {
		if port, err := lookupPort(network, "domain"); port != 53 || err != nil {
			t.Errorf("lookupPort(%q, domain) = %d, %v; want 53", network, port, err)
		}
	}
	if port, err := lookupPort("ip", "ntp"); port != 123 || err != nil {
		t.Errorf("lookupPort(ip, ntp) = %d, %v; want 123", port, err)
	}
}

func TestLookupPortErrorLikeGo(t *testing.T) {
	for _, network := range []string{"tcp", "tcp4", "udp", "udp6", "ip"} {
		for _, service := range []string{"no-such-service", "NoSuch", "http\n", "a-name-longer-than-any-service-may-have"} {
			_, err := lookupPort(network, service)
			_, stdErr := (&stdnet.Resolver{PreferGo: true}).LookupPort(context.Background(), network, service)
			same(t, network+"/"+service, show(err), show(stdErr))
		}
	}
}
