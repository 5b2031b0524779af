package netdev

// Socket constants. The values are those of Linux, which
// tinygo.org/x/drivers/netdev uses too.
const (
	AF_UNIX  = 0x1 // within the system, by path
	AF_INET  = 0x2 // IPv4
	AF_INET6 = 0xA // IPv6

	SOCK_STREAM    = 0x1 // byte stream
	SOCK_DGRAM     = 0x2 // datagrams
	SOCK_RAW       = 0x3 // packets of an IP protocol
	SOCK_SEQPACKET = 0x5 // messages on a connection

	SOL_SOCKET    = 0x1 // level of socket options
	SO_REUSEADDR  = 0x2 // bool: bind although an old connection uses the port
	SO_BROADCAST  = 0x6 // bool: allow datagrams to broadcast addresses
	SO_SNDBUF     = 0x7 // int: bytes of the send buffer
	SO_RCVBUF     = 0x8 // int: bytes of the receive buffer
	SO_KEEPALIVE  = 0x9 // bool: probe an idle connection
	SO_LINGER     = 0xD // int: seconds that Close waits for data to be sent, below 0 for the default
	SOL_TCP       = 0x6 // level of TCP options
	TCP_NODELAY   = 0x1 // bool: send small segments at once
	TCP_KEEPIDLE  = 0x4 // time.Duration or float64 seconds: idle time before the first probe
	TCP_KEEPINTVL = 0x5 // time.Duration or float64 seconds: between probes
	TCP_KEEPCNT   = 0x6 // int: probes before the connection is given up

	SOL_IPV6    = 0x29 // level of IPv6 options
	IPV6_V6ONLY = 0x1A // bool: an IPv6 socket takes no IPv4 peers; set before Bind

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
