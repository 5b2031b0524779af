package net

// parsePort returns the number that service is in decimal, with or without a
// sign; the empty string is 0. A number beyond 30 bits becomes the largest or
// smallest of 30 bits, as in Go, which is still no port. Anything else is a
// name to look up.
func parsePort(service string) (port int, needsLookup bool) {
	const limit = 1 << 30
	digits, negative := service, false
	if digits != "" && (digits[0] == '+' || digits[0] == '-') {
		negative = digits[0] == '-'
		digits = digits[1:]
	}
	var n int64
	for _, c := range []byte(digits) {
		if c < '0' || c > '9' {
			return 0, true
		}
		n = min(10*n+int64(c-'0'), limit)
	}
	if negative {
		return int(-n), false
	}
	return int(min(n, limit-1)), false
}

// lookupPort returns the port of a service by its IANA name, in either case.
// network is "tcp", "udp", either with a 4 or 6, or "ip" for both. The error is
// a DNSError.
func lookupPort(network, service string) (int, error) {
	name := lowerASCII(service)
	var proto string
	var port int
	switch network {
	case "tcp", "tcp4", "tcp6":
		proto, port = "tcp", tcpPort(name)
	case "udp", "udp4", "udp6":
		proto, port = "udp", udpPort(name)
	case "ip":
		proto, port = "ip", tcpPort(name)
		if port == 0 {
			port = udpPort(name)
		}
	default:
		return 0, &DNSError{Err: "unknown network", Name: network + "/" + service}
	}
	if port == 0 {
		return 0, newDNSError(errUnknownPort, proto+"/"+service, "")
	}
	return port, nil
}

// tcpPort returns the port of a service over TCP, or 0. The services are those
// that Go knows by itself and a few that devices use.
func tcpPort(name string) int {
	switch name {
	case "ftp":
		return 21
	case "ssh":
		return 22
	case "telnet":
		return 23
	case "smtp":
		return 25
	case "domain":
		return 53
	case "gopher":
		return 70
	case "http":
		return 80
	case "pop3":
		return 110
	case "imap2":
		return 143
	case "imap3":
		return 220
	case "https":
		return 443
	case "submissions":
		return 465
	case "submission":
		return 587
	case "ftps":
		return 990
	case "imaps":
		return 993
	case "pop3s":
		return 995
	case "mqtt":
		return 1883
	case "secure-mqtt":
		return 8883
	}
	return 0
}

// udpPort is tcpPort for services over UDP.
func udpPort(name string) int {
	switch name {
	case "domain":
		return 53
	case "bootps":
		return 67
	case "bootpc":
		return 68
	case "tftp":
		return 69
	case "ntp":
		return 123
	case "snmp":
		return 161
	case "syslog":
		return 514
	case "mdns":
		return 5353
	case "coap":
		return 5683
	case "coaps":
		return 5684
	}
	return 0
}

// lowerASCII returns s with the letters A to Z in lower case. The strings
// package would bring the tables of Unicode with it.
func lowerASCII(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}
