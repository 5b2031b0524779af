package espat

import (
	"io"

	"tinynet/netdev"
	"tinynet/netlink"
	"tinynet/offload"
)

// fault is an error within the driver: a byte, of which 0 is none. An error takes two
// words wherever it is made, looked at or handed on, which over the whole driver is
// kilobytes of a board's flash.
type fault uint8

// What goes wrong with the module, and what the network says.
const (
	errNoAnswer fault = iota + 1
	errRebooted
	errRefused
	errGarbled
	errLate
	errRate
	errNoUART
	errLong
	errLost
	errDataLost
	errLinkEnded
	errNoRoute
	errEOF
	errConnReset
	errAddrInUse
	errNoMoreSockets
	errNotSupported
	errHostUnknown
	errConnectTimeout
	errAuthFailure
	errNoAccessPoint
	errConnectFailed
	errNoAddress
	errCause // the one that chip.cause holds
)

// faults are the errors that faults stand for. All of them are in each program that has
// the driver; errors that not every program needs are causes.
var faults = [...]error{
	errNoAnswer:       offload.Wrap("espat: the module does not answer: is it powered, and are TX and RX crossed and the speed right?", netdev.ErrDevice),
	errRebooted:       offload.Wrap("espat: the module has restarted by itself: is its power supply strong enough?", netdev.ErrDevice),
	errRefused:        offload.Wrap("espat: the module's firmware refuses the command", netdev.ErrDevice),
	errGarbled:        offload.Wrap("espat: the module's answer makes no sense", netdev.ErrDevice),
	errLate:           offload.Wrap("espat: the module did not answer before the call had to end", netdev.ErrDevice),
	errRate:           offload.Wrap("espat: the UART could not be set to the speed", netdev.ErrDevice),
	errNoUART:         offload.Wrap("espat: no UART given, and this build is for no board that has its own: set Uart in Config, or build for a board", netdev.ErrDevice),
	errLong:           offload.Wrap("espat: command is longer than the 256 bytes that the firmware takes", netdev.ErrNotSupported),
	errLost:           offload.Wrap("espat: network link is down", netdev.ErrLinkDown),
	errDataLost:       offload.Wrap("espat: data of the connection are lost", netdev.ErrConnReset),
	errLinkEnded:      offload.Wrap("espat: the module has closed the socket", netdev.ErrConnReset),
	errNoRoute:        offload.Wrap("espat: no connection: nobody listens there, or it does not answer", netdev.ErrConnRefused),
	errEOF:            io.EOF,
	errConnReset:      netdev.ErrConnReset,
	errAddrInUse:      netdev.ErrAddrInUse,
	errNoMoreSockets:  netdev.ErrNoMoreSockets,
	errNotSupported:   netdev.ErrNotSupported,
	errHostUnknown:    netdev.ErrHostUnknown,
	errConnectTimeout: netlink.ErrConnectTimeout,
	errAuthFailure:    netlink.ErrAuthFailure,
	errNoAccessPoint:  netlink.ErrNoAccessPoint,
	errConnectFailed:  netlink.ErrConnectFailed,
	errNoAddress:      netdev.ErrStartingDHCPClient,
}

// because returns a fault for an error that has none of its own. The caller holds the
// bus until err has been asked.
func (c *chip) because(err error) fault {
	c.cause = err
	return errCause
}

// err returns the error of a fault.
func (c *chip) err(f fault) error {
	switch f {
	case 0:
		return nil
	case errCause:
		return c.cause
	}
	return faults[f]
}

// What is wrong with a call, or with what the driver was given.
var (
	errNoRate      = offload.Wrap("espat: MaxBaud needs a UART whose speed can be set, and FlowControl one that can do that: set SetUART in Config", netdev.ErrNotSupported)
	errLongHost    = offload.Wrap("espat: host name is longer than the firmware's commands take", netdev.ErrMalAddr)
	errTLS         = offload.Wrap("espat: no encrypted connection: nobody listens there, or a certificate was refused", netdev.ErrConnRefused)
	errOneServer   = offload.Wrap("espat: the firmware has one server: close the other listener first", netdev.ErrAddrInUse)
	errNoTLSServer = offload.Wrap("espat: the firmware has no TLS server: an ESP32 with 2.1 or newer has", netdev.ErrNotSupported)
	errNotSent     = offload.Wrap("espat: the module did not send the datagram", netdev.ErrDevice)
	errEmpty       = offload.Wrap("espat: the firmware sends no empty datagrams", netdev.ErrNotSupported)
	errStatic      = offload.Wrap("espat: Static needs an IPv4 Addr and a Mask", netdev.ErrMalAddr)
	errChannel     = offload.Wrap("espat: APChannel is not 1 to 13", netlink.ErrConnectModeNoGood)
	errAPFailed    = offload.Wrap("espat: the module could not become an access point", netlink.ErrConnectFailed)
	errBoth        = offload.Wrap("espat: AP needs an Ssid of at most 32 bytes and a Passphrase of 8 to 63, or none", netlink.ErrConnectModeNoGood)
	errNoTime      = offload.Wrap("espat: the module does not know the time yet", netdev.ErrDevice)
	errNoPong      = offload.Wrap("espat: no answer to the ping", netdev.ErrTimeout)
	errGroup       = offload.Wrap("espat: not a multicast address of a family that the module has", netdev.ErrMalAddr)
	errGroupSock   = offload.Wrap("espat: only a datagram socket that is bound can join a group, once", netdev.ErrNotSupported)
)
