package wifinina

import (
	"tinynet/netdev"
	"tinynet/netlink"
)

// wrapped is an error with a text of its own that is also another one.
type wrapped struct {
	text string
	err  error
}

func (e *wrapped) Error() string { return "wifinina: " + e.text }
func (e *wrapped) Unwrap() error { return e.err }

func wrap(text string, err error) error { return &wrapped{text, err} }

// What goes wrong with the chip. All of them are netdev.ErrDevice.
var (
	errNoSelect = wrap("the chip does not react to its chip-select pin: is it there, and are the pins right?", netdev.ErrDevice)
	errNoAnswer = wrap("the chip does not answer: its READY pin stays high", netdev.ErrDevice)
	errHung     = wrap("the chip stopped answering", netdev.ErrDevice)
	errGarbled  = wrap("the chip's answer makes no sense", netdev.ErrDevice)
	errRefused  = wrap("the chip's firmware refuses the command", netdev.ErrDevice)
	errSPI      = wrap("SPI transfer failed", netdev.ErrDevice)
	errFrame    = wrap("command does not fit into a frame", netdev.ErrDevice)
	errNonBlock = wrap("the chip cannot make a socket non-blocking", netdev.ErrDevice)
)

// What is wrong with a call.
var (
	errNoBus        = wrap("no SPI bus or pins given, and this build is for no board that has its own: set Spi, Cs, Ack, Gpio0 and Resetn in Config, or build for a board", netdev.ErrDevice)
	errSomePins     = wrap("Config needs all of Spi, Cs, Ack, Gpio0 and Resetn, or none", netdev.ErrDevice)
	errMode         = wrap("only station mode is supported", netlink.ErrConnectModeNoGood)
	errLongHostname = wrap("Hostname is longer than 32 bytes", netlink.ErrNotSupported)
	errCancelled    = wrap("NetDisconnect ended the attempt to connect", netlink.ErrConnectFailed)
	errLongName     = wrap("host name is longer than 255 bytes", netdev.ErrMalAddr)
	errNotIPv4      = wrap("the device has IPv4 only", netdev.ErrFamilyNotSupported)
	errNotOurs      = wrap("not an address of the device", netdev.ErrMalAddr)
	errBound        = wrap("socket is bound already", netdev.ErrNotSupported)
	errNotListening = wrap("socket does not listen", netdev.ErrNotSupported)
	errNotStream    = wrap("socket is not a stream", netdev.ErrNotSupported)
	errNotDatagram  = wrap("socket is not a datagram socket", netdev.ErrNotSupported)
	errNotSent      = wrap("the chip did not send the datagram", netdev.ErrDevice)
	errInUse        = wrap("socket is connected or listening already", netdev.ErrNotSupported)
	errMsgSize      = wrap("datagram is longer than 1472 bytes, and the chip does not fragment", netdev.ErrMsgSize)
	errLost         = wrap("network link is down", netdev.ErrLinkDown)
	errLostChip     = wrap("network link is down: the chip stopped answering", netdev.ErrLinkDown)
	errNotUp        = wrap("no network link: call NetConnect first", netdev.ErrLinkDown)
)
