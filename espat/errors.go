package espat

import (
	"tinynet/netdev"
	"tinynet/netlink"
	"tinynet/offload"
)

// wrap returns an error with the given text that is also err.
func wrap(text string, err error) error { return offload.Wrap("espat: "+text, err) }

// What goes wrong with the module. All of them are netdev.ErrDevice.
var (
	errNoAnswer = wrap("the module does not answer: is it powered, and are TX and RX crossed and the speed right?", netdev.ErrDevice)
	errRebooted = wrap("the module has restarted by itself: is its power supply strong enough?", netdev.ErrDevice)
	errRefused  = wrap("the module's firmware refuses the command", netdev.ErrDevice)
	errGarbled  = wrap("the module's answer makes no sense", netdev.ErrDevice)
	errLate     = wrap("the module did not answer before the call had to end", netdev.ErrDevice)
	errRate     = wrap("the UART could not be set to the speed", netdev.ErrDevice)
)

// What is wrong with a call, or with what the driver was given.
var (
	errNoUART      = wrap("no UART given, and this build is for no board that has its own: set Uart in Config, or build for a board", netdev.ErrDevice)
	errNoRate      = wrap("MaxBaud needs a UART whose speed can be set, and FlowControl one that can do that: set SetUART in Config", netdev.ErrNotSupported)
	errLong        = wrap("command is longer than the 256 bytes that the firmware takes", netdev.ErrNotSupported)
	errLongHost    = wrap("host name is longer than the firmware's commands take", netdev.ErrMalAddr)
	errLost        = wrap("network link is down", netdev.ErrLinkDown)
	errDataLost    = wrap("data of the connection are lost", netdev.ErrConnReset)
	errLinkEnded   = wrap("the module has closed the socket", netdev.ErrConnReset)
	errNoRoute     = wrap("no connection: nobody listens there, or it does not answer", netdev.ErrConnRefused)
	errTLS         = wrap("no encrypted connection: nobody listens there, or a certificate was refused", netdev.ErrConnRefused)
	errOneServer   = wrap("the firmware has one server: close the other listener first", netdev.ErrAddrInUse)
	errNoTLSServer = wrap("the firmware has no TLS server: an ESP32 with 2.1 or newer has", netdev.ErrNotSupported)
	errNotSent     = wrap("the module did not send the datagram", netdev.ErrDevice)
	errEmpty       = wrap("the firmware sends no empty datagrams", netdev.ErrNotSupported)
	errStatic      = wrap("Static needs an IPv4 Addr and a Mask", netdev.ErrMalAddr)
	errChannel     = wrap("APChannel is not 1 to 13", netlink.ErrConnectModeNoGood)
	errAPFailed    = wrap("the module could not become an access point", netlink.ErrConnectFailed)
	errBoth        = wrap("AP needs an Ssid of at most 32 bytes and a Passphrase of 8 to 63, or none", netlink.ErrConnectModeNoGood)
	errNoTime      = wrap("the module does not know the time yet", netdev.ErrDevice)
	errNoPong      = wrap("no answer to the ping", netdev.ErrTimeout)
	errGroup       = wrap("not a multicast address of a family that the module has", netdev.ErrMalAddr)
	errGroupSock   = wrap("only a datagram socket that is bound can join a group, once", netdev.ErrNotSupported)
)
