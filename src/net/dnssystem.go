//go:build !tinygo

package net

import (
	"net/netip"
	"os"
	"strings"
	"time"
)

const (
	dnsSingleRequest = false
	dnsMaxStream     = 1<<16 - 1 // bytes of an answer by TCP: all that the protocol allows
)

// The system's files. Tests have their own.
var (
	resolvFile    = "/etc/resolv.conf"
	hostsFilePath = "/etc/hosts"
)

// A stock build has the DNS client from the start. It costs no board anything.
func init() { useDNS() }

// readOptions reads the options of resolv.conf(5) that a device has no
// method for.
func (c *dnsSettings) readOptions() {
	eachLine(resolvFile, func(fields []string) {
		if fields[0] != "options" {
			return
		}
		for _, o := range fields[1:] {
			name, value, valued := strings.Cut(o, ":")
			if valued {
				name += ":"
			}
			switch name {
			case "timeout:":
				c.timeout = time.Duration(atLeast1(value)) * time.Second
			case "attempts:":
				c.attempts = atLeast1(value)
			case "rotate":
				c.rotate = true
			case "single-request", "single-request-reopen":
				c.singleRequest = true
			case "use-vc", "usevc", "tcp":
				c.useTCP = true
			case "trust-ad":
				c.trustAD = true
			}
		}
	})
}

// atLeast1 returns the number that s begins with, or 1.
func atLeast1(s string) (n int) {
	for i := 0; i < len(s) && '0' <= s[i] && s[i] <= '9' && n < 1<<20; i++ {
		n = 10*n + int(s[i]-'0')
	}
	return max(n, 1)
}

// hostsNames returns the names that the system's hosts file has for an address.
func hostsNames(addr netip.Addr) (names []string) {
	if !onSystem() {
		return nil
	}
	eachLine(hostsFilePath, func(fields []string) {
		if ip, err := netip.ParseAddr(fields[0]); err != nil || ip.Unmap() != addr.Unmap() {
			return
		}
		for _, name := range fields[1:] {
			names = append(names, rooted(name))
		}
	})
	return names
}

// hostsCanonical returns the first name of the first line of the system's hosts file
// that has name in it, or "".
func hostsCanonical(name string) (canonical string) {
	if !onSystem() {
		return ""
	}
	name = rooted(name)
	eachLine(hostsFilePath, func(fields []string) {
		if _, err := netip.ParseAddr(fields[0]); err != nil || canonical != "" {
			return
		}
		for _, other := range fields[1:] {
			if equalFold(rooted(other), name) {
				canonical = lowerASCII(rooted(fields[1]))
				return
			}
		}
	})
	return canonical
}

// rooted returns a name of the hosts file with a dot at its end if it has one
// inside.
func rooted(name string) string {
	if strings.Contains(name, ".") && !strings.HasSuffix(name, ".") {
		name += "."
	}
	return name
}

// eachLine calls f with the words of each line of a file that are no comment. A
// file that cannot be read is empty.
func eachLine(file string, f func(fields []string)) {
	text, err := os.ReadFile(file)
	if err != nil {
		return
	}
	for _, line := range strings.Split(string(text), "\n") {
		line, _, _ = strings.Cut(line, "#")
		if fields := strings.Fields(line); len(fields) > 0 && fields[0][0] != ';' {
			f(fields)
		}
	}
}
