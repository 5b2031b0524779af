// Package hostnet is a network device on the operating system's own sockets,
// for Linux and macOS: with it tinynet's net runs at full speed on a
// developer's machine, without a chip, simulated or real.
//
// Blocked calls wait on the Go runtime's poller, as those of Go's net do, so
// that a socket costs no goroutine and no thread. The package does not import
// net, which may be the one that works on it.
//
// Beyond what package netdev describes a Device has IPv6 and dual stack
// (SetSockOpt with netdev.IPV6_V6ONLY), Unix domain sockets (BindUnix and the
// methods beside it), files (File, FromFile, SyscallConn) and the settings of
// the system's resolver (DNSServers, DNSSearch).
package hostnet
