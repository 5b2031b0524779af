package wifinina

import (
	"tinynet/netdev"
	"tinynet/netlink"
	"tinynet/offload"
)

// wrap returns an error with the given text that is also err.
func wrap(text string, err error) error { return offload.Wrap("wifinina: "+text, err) }

// What goes wrong with the chip. All of them are netdev.ErrDevice.
var (
	errNoSelect = wrap("the chip does not react to its chip-select pin: is it there, and are the pins right?", netdev.ErrDevice)
	errNoAnswer = wrap("the chip does not answer: its READY pin stays high", netdev.ErrDevice)
	errGarbled  = wrap("the chip's answer makes no sense", netdev.ErrDevice)
	errRefused  = wrap("the chip's firmware refuses the command", netdev.ErrDevice)
	errSPI      = wrap("SPI transfer failed", netdev.ErrDevice)
	errFrame    = wrap("command does not fit into a frame", netdev.ErrDevice)
	errLate     = wrap("the chip did not answer before the call had to end", netdev.ErrDevice)
	errNonBlock = wrap("the chip cannot make a socket non-blocking", netdev.ErrDevice)
)

// What is wrong with a call, or with what the driver was given.
var (
	errNoBus     = wrap("no SPI bus or pins given, and this build is for no board that has its own: set Spi, Cs, Ack, Gpio0 and Resetn in Config, or build for a board", netdev.ErrDevice)
	errSomePins  = wrap("Config needs all of Spi, Cs, Ack, Gpio0 and Resetn, or none", netdev.ErrDevice)
	errNotSent   = wrap("the chip did not send the datagram", netdev.ErrDevice)
	errSlotSize  = wrap("datagram is longer than 1460 bytes, which is all that this firmware sends from a group's socket", netdev.ErrMsgSize)
	errLost      = wrap("network link is down", netdev.ErrLinkDown)
	errTLSRetry  = wrap("the data of a Send that did not end has to be sent first: close the connection", netdev.ErrConnReset)
	errTLS       = wrap("no encrypted connection: nobody listens there, or the peer's certificate was refused", netdev.ErrConnRefused)
	errTLSServer = wrap("the firmware has no TLS server", netdev.ErrNotSupported)
	errNoRoute   = wrap("no connection: nobody listens there, or it does not answer", netdev.ErrConnRefused)
	errChannel   = wrap("APChannel is not 1 to 13", netlink.ErrConnectModeNoGood)
	errAPFailed  = wrap("the chip could not become an access point", netlink.ErrConnectFailed)
	errStatic    = wrap("Static needs an IPv4 Addr and a Mask", netdev.ErrMalAddr)
	errEntLong   = wrap("a text of Enterprise is longer than the firmware takes", netdev.ErrNotSupported)
	errEntKind   = wrap("the firmware has no certificates for WPA2 Enterprise: use user and password", netdev.ErrNotSupported)
	errScanUp    = wrap("a scan ends the connection: NetDisconnect first", netlink.ErrConnected)
	errScan      = wrap("the chip could not scan", netdev.ErrDevice)
	errNoTime    = wrap("the chip does not know the time yet", netdev.ErrDevice)
	errNoPong    = wrap("no answer to the ping", netdev.ErrTimeout)
	errGroup     = wrap("not an IPv4 multicast address", netdev.ErrMalAddr)
	errGroupSock = wrap("only a datagram socket that is bound can join a group, once", netdev.ErrNotSupported)
)
