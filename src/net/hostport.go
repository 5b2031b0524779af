package net

import "strings"

// SplitHostPort splits "host:port", "host%zone:port", "[host]:port" or
// "[host%zone]:port" into host, with its zone, and port. A host with colons
// in it must be in brackets. Either part may come out empty. The error is an
// AddrError.
func SplitHostPort(hostport string) (host, port string, err error) {
	colon := strings.LastIndexByte(hostport, ':')
	if colon < 0 {
		return "", "", &AddrError{Err: missingPort, Addr: hostport}
	}
	var problem string
	if hostport[0] == '[' {
		end := strings.IndexByte(hostport, ']')
		switch {
		case end < 0:
			problem = "missing ']' in address"
		case end+1 == colon:
			host = hostport[1:end]
			problem = strayBracket(hostport[1:], hostport[colon:])
		case strings.HasPrefix(hostport[end+1:], ":"):
			problem = tooManyColons
		default:
			problem = missingPort
		}
	} else {
		host = hostport[:colon]
		problem = strayBracket(hostport, hostport)
		if strings.IndexByte(host, ':') >= 0 {
			problem = tooManyColons
		}
	}
	if problem != "" {
		return "", "", &AddrError{Err: problem, Addr: hostport}
	}
	return host, hostport[colon+1:], nil
}

const (
	missingPort   = "missing port in address"
	tooManyColons = "too many colons in address"
)

// strayBracket says which bracket is where none may be: a '[' in noOpen or a
// ']' in noClose.
func strayBracket(noOpen, noClose string) string {
	switch {
	case strings.IndexByte(noOpen, '[') >= 0:
		return "unexpected '[' in address"
	case strings.IndexByte(noClose, ']') >= 0:
		return "unexpected ']' in address"
	}
	return ""
}

// JoinHostPort returns "host:port", or "[host]:port" if there is a colon in
// host, as in an IPv6 address.
func JoinHostPort(host, port string) string {
	if strings.IndexByte(host, ':') >= 0 {
		host = "[" + host + "]"
	}
	return host + ":" + port
}
