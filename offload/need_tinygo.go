//go:build tinygo

package offload

import "net/netip"

// What a program needs of the engine. Each is set where the need arises, such as
// in Socket. A program that never gets there, as the compiler sees it, never sets the
// variable, which then is a constant: all that only runs if it is true is left out.
var (
	needDatagrams bool
	needTLS       bool
	needBuffers   bool
	needEvents    bool
	needIPv6      bool
)

func needingBuffers() { needBuffers = true }

func needingEvents() { needEvents = true }

func needingIPv6() { needIPv6, parse6 = true, netip.ParseAddr }

// parse6 is only called if needIPv6 is true. A condition alone does not suffice:
// it is folded after the type of ParseAddr's error has been taken for one in use.
var parse6 func(string) (netip.Addr, error)

func need(k Kind) {
	switch k {
	case Datagram:
		needDatagrams = true
	case TLS:
		needTLS = true
	}
}
