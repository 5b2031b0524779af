package netdev

import (
	"errors"
	"os"
)

// Errors of a device. A driver returns them as they are or wrapped; test with
// errors.Is.
var (
	// ErrHostUnknown: the name does not exist or has no address.
	ErrHostUnknown = errors.New("no such host")
	// ErrMalAddr: the text is not an address.
	ErrMalAddr = errors.New("malformed address")

	// ErrFamilyNotSupported: the device has no sockets of that address family.
	ErrFamilyNotSupported error = notSupported("address family not supported by the device")
	// ErrProtocolNotSupported: the device has no sockets of that type or protocol.
	ErrProtocolNotSupported error = notSupported("socket type or protocol not supported by the device")
	// ErrNotSupported: the device cannot do that.
	ErrNotSupported error = notSupported("not supported by the device")

	// ErrStartingDHCPClient: the device got no address.
	ErrStartingDHCPClient = errors.New("could not get an address by DHCP")
	// ErrStartingDHCPServer: an access point could not hand out addresses.
	ErrStartingDHCPServer = errors.New("could not start the DHCP server")
	// ErrNoMoreSockets: all sockets of the device are in use. It is temporary:
	// a server that gets it from Accept tries again.
	ErrNoMoreSockets error = noMoreSockets{}
	// ErrClosingSocket: the device refused to close the socket.
	ErrClosingSocket = errors.New("the device could not close the socket")
	// ErrInvalidSocketFd: no socket has that number.
	ErrInvalidSocketFd = errors.New("invalid socket")
	// ErrDevice: the device does not answer or answers nonsense.
	ErrDevice = errors.New("network device does not answer as it should")

	// ErrTimeout: the deadline has passed. It is os.ErrDeadlineExceeded.
	ErrTimeout = os.ErrDeadlineExceeded
)

// notSupported is an error that is also errors.ErrUnsupported.
type notSupported string

func (e notSupported) Error() string { return string(e) }
func (e notSupported) Unwrap() error { return errors.ErrUnsupported }

// noMoreSockets is an error that passes.
type noMoreSockets struct{}

func (noMoreSockets) Error() string   { return "no free socket on the device: close one first" }
func (noMoreSockets) Temporary() bool { return true }
func (noMoreSockets) Timeout() bool   { return false }
