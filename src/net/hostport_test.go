package net

import (
	"fmt"
	"math/rand"
	stdnet "net"
	"testing"
)

var hostPortTexts = []string{
	"", ":", ":80", "host:80", "host:", "host", "10.0.0.2:http", "[::1]:80", "[::1%net0]:80", "[]:80", "[]:", "[::1]", "[::1]:",
	"[::1", "::1]:80", "::1:80", "[::1]80", "[::1]:80:90", "[::1]:[80", "[::1]:80]", "[[::1]:80", "[::1]]:80", "[a]b:80", "a[b]:80",
	"a]:80", "a[:80", "host%zone:80", "[host]:80", "[host:80", "]", "[", "[]", ":[", ":]", "a:b:c", "a:b:[", "[a]:b:c]", "[a:]b", "\x00:\xff",
}

func checkHostPort(t *testing.T, s string) {
	t.Helper()
	host, port, err := SplitHostPort(s)
	stdHost, stdPort, stdErr := stdnet.SplitHostPort(s)
	same(t, fmt.Sprintf("SplitHostPort(%q)", s), show(host, port, err), show(stdHost, stdPort, stdErr))
}

func TestSplitHostPortLikeGo(t *testing.T) {
	for _, s := range hostPortTexts {
		checkHostPort(t, s)
	}
	// All texts of up to 7 of the characters that matter.
	var all func(prefix string, left int)
	all = func(prefix string, left int) {
		checkHostPort(t, prefix)
		if left > 0 {
			for _, c := range "[]:a" {
				all(prefix+string(c), left-1)
			}
		}
	}
	all("", 7)
	r := rand.New(rand.NewSource(1))
	for range 4000 {
		checkHostPort(t, mutate(r, hostPortTexts, "[]:a1%"))
	}
}

func FuzzSplitHostPort(f *testing.F) {
	for _, s := range hostPortTexts {
		f.Add(s)
	}
	f.Fuzz(checkHostPort)
}

func FuzzJoinHostPort(f *testing.F) {
	for _, s := range hostPortTexts {
		f.Add(s, "80")
		f.Add("host", s)
	}
	f.Fuzz(func(t *testing.T, host, port string) {
		joined := JoinHostPort(host, port)
		same(t, fmt.Sprintf("JoinHostPort(%q, %q)", host, port), joined, stdnet.JoinHostPort(host, port))
		checkHostPort(t, joined)
		if h, p, err := SplitHostPort(joined); err == nil && (h != host || p != port) {
			// Brackets around a host without a colon are taken off.
			if joined[0] != '[' || h != host[1:len(host)-1] || p != port {
				t.Errorf("JoinHostPort(%q, %q) splits into %q and %q", host, port, h, p)
			}
		}
	})
}
