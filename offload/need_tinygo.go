//go:build tinygo

package offload

// What a program needs of the engine. Each is set where the need arises, such as
// in Socket. A program that never gets there, as the compiler sees it, never sets the
// variable, which then is a constant: all that only runs if it is true is left out.
var (
	needDatagrams bool
	needTLS       bool
	needBuffers   bool
	needEvents    bool
	needIPv6      bool
	needAP        bool
)

func needingBuffers() { needBuffers = true }

func needingEvents() { needEvents = true }

func needingIPv6() { needIPv6 = true }

func needingAP() { needAP = true }

func need(k Kind) {
	switch k {
	case Datagram:
		needDatagrams = true
	case TLS:
		needTLS = true
	}
}
