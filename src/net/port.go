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
	var proto string
	port := 0
	switch network {
	case "tcp", "tcp4", "tcp6":
		proto, port = "tcp", servicePort(tcpServices, service)
	case "udp", "udp4", "udp6":
		proto, port = "udp", servicePort(udpServices, service)
	case "ip":
		proto, port = "ip", servicePort(tcpServices, service)
		if port == 0 {
			port = servicePort(udpServices, service)
		}
	default:
		return 0, &DNSError{Err: "unknown network", Name: network + "/" + service}
	}
	if port == 0 {
		return 0, unknownPort(proto, service)
	}
	return port, nil
}

func unknownPort(proto, service string) error {
	return &DNSError{Err: string(errUnknownPort), Name: proto + "/" + service, IsNotFound: true}
}

// The services that Go knows by itself and a few that devices use, with their
// ports. A switch takes three times the space.
const (
	tcpServices = "ftp:21 ssh:22 telnet:23 smtp:25 domain:53 gopher:70 http:80 pop3:110 imap2:143 imap3:220 https:443 " +
		"submissions:465 submission:587 ftps:990 imaps:993 pop3s:995 mqtt:1883 secure-mqtt:8883 "
	udpServices = "domain:53 bootps:67 bootpc:68 tftp:69 ntp:123 snmp:161 syslog:514 mdns:5353 coap:5683 coaps:5684 "
)

// servicePort returns the port of a service by its name in either case, or 0.
func servicePort(services, service string) int {
	name := lowerASCII(service)
	start, port, found := 0, 0, false
	for i := 0; i < len(services); i++ {
		switch c := services[i]; {
		case c == ':':
			found = services[start:i] == name
			port = 0
		case c == ' ':
			if found {
				return port
			}
			start = i + 1
		case '0' <= c && c <= '9':
			port = port*10 + int(c-'0')
		}
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
