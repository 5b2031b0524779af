package offload

import (
	"tinynet/netdev"
	"tinynet/netlink"
)

// wrapped is an error with a text of its own that is also another one.
type wrapped struct {
	text string
	err  error
}

func (e *wrapped) Error() string { return e.text }
func (e *wrapped) Unwrap() error { return e.err }

// Wrap returns an error with the given text that is also err. It is made once
// and kept: an error costs memory.
func Wrap(text string, err error) error { return &wrapped{text, err} }

var (
	errLostChip = Wrap("network link is down: the chip stopped answering", netdev.ErrLinkDown)
	errLost     = Wrap("network link is down", netdev.ErrLinkDown)
	errMute     = Wrap("the chip does not answer and is about to be reset", netdev.ErrDevice)
	errNotUp    = Wrap("no network link: call NetConnect first", netdev.ErrLinkDown)

	errCancelled    = Wrap("NetDisconnect ended the attempt to connect", netlink.ErrConnectFailed)
	errLongHostname = Wrap("Hostname is longer than 32 bytes", netlink.ErrNotSupported)
	errLongName     = Wrap("host name is longer than 255 bytes", netdev.ErrMalAddr)
	errNotIPv4      = Wrap("the device has IPv4 only", netdev.ErrFamilyNotSupported)
	errNotOurs      = Wrap("not an address of the device", netdev.ErrMalAddr)
	errBound        = Wrap("socket is bound already", netdev.ErrNotSupported)
	errNotListening = Wrap("socket does not listen", netdev.ErrNotSupported)
	errNotStream    = Wrap("socket is not a stream", netdev.ErrNotSupported)
	errNotDatagram  = Wrap("socket is not a datagram socket", netdev.ErrNotSupported)
	errInUse        = Wrap("socket is connected or listening already", netdev.ErrNotSupported)
	errMsgSize      = Wrap("datagram is longer than 1472 bytes, and the chip does not fragment", netdev.ErrMsgSize)
	errNoShutdown   = Wrap("the chip cannot close one direction of a stream", netdev.ErrNotSupported)
	errShut         = Wrap("the sending direction was shut down", netdev.ErrNotConnected)
	errDialTimeout  = Wrap("no answer from the peer", netdev.ErrConnRefused)
)
