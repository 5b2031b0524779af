package netdev

// Socket constants. The values are those of Linux, which
// tinygo.org/x/drivers/netdev uses too.
const (
	AF_INET  = 0x2 // IPv4
	AF_INET6 = 0xA // IPv6

	SOCK_STREAM = 0x1 // byte stream
	SOCK_DGRAM  = 0x2 // datagrams

	SOL_SOCKET    = 0x1 // level of socket options
	SO_KEEPALIVE  = 0x9 // bool: probe an idle connection
	SO_LINGER     = 0xD // int: seconds that Close waits for data to be sent, below 0 for the default
	SOL_TCP       = 0x6 // level of TCP options
	TCP_NODELAY   = 0x1 // bool: send small segments at once
	TCP_KEEPIDLE  = 0x4 // time.Duration or float64 seconds: idle time before the first probe
	TCP_KEEPINTVL = 0x5 // time.Duration or float64 seconds: between probes
	TCP_KEEPCNT   = 0x6 // int: probes before the connection is given up

	IPPROTO_TCP = 0x6
	IPPROTO_UDP = 0x11
	// IPPROTO_TLS asks for a stream that the device itself encrypts. The
	// value is tinygo.org/x/drivers' own and no IP protocol.
	IPPROTO_TLS = 0xFE

	SHUT_RD   = 0 // no more receiving
	SHUT_WR   = 1 // no more sending: the peer reads the end of the stream
	SHUT_RDWR = 2 // neither

	F_SETFL = 0x4 // kept for programs that name it
)
