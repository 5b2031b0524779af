package wifinina

import (
	"io"

	"tinynet/netdev"
	"tinynet/netlink"
	"tinynet/offload"
)

// fault is an error within the driver: a byte, of which 0 is none. An error takes two
// words wherever it is made, looked at or handed on, which over the whole driver is 1 KB of
// a board's flash.
type fault uint8

// What goes wrong with the chip, and what the network says.
const (
	errNoSelect fault = iota + 1
	errNoAnswer
	errGarbled
	errRefused
	errSPI
	errFrame
	errLate
	errNonBlock
	errLost
	errNoRoute
	errEOF
	errConnReset
	errConnRefused
	errAddrInUse
	errNoMoreSockets
	errNotSupported
	errHostUnknown
	errNoAccessPoint
	errAuthFailure
	errConnectFailed
	errConnectTimeout
	errNoAddress
	errCause     // the one that chip.cause holds
	errJoinCause // the one that chip.joinCause holds
)

// faults are the errors that faults stand for. All of them are in each program that has
// the driver; errors that not every program needs are causes.
var faults = [...]error{
	errNoSelect:      offload.Wrap("wifinina: the chip does not react to its chip-select pin: is it there, and are the pins right?", netdev.ErrDevice),
	errNoAnswer:      offload.Wrap("wifinina: the chip does not answer: its READY pin stays high", netdev.ErrDevice),
	errGarbled:       offload.Wrap("wifinina: the chip's answer makes no sense", netdev.ErrDevice),
	errRefused:       offload.Wrap("wifinina: the chip's firmware refuses the command", netdev.ErrDevice),
	errSPI:           offload.Wrap("wifinina: SPI transfer failed", netdev.ErrDevice),
	errFrame:         offload.Wrap("wifinina: command does not fit into a frame", netdev.ErrDevice),
	errLate:          offload.Wrap("wifinina: the chip did not answer before the call had to end", netdev.ErrDevice),
	errNonBlock:      offload.Wrap("wifinina: the chip cannot make a socket non-blocking", netdev.ErrDevice),
	errLost:          offload.Wrap("wifinina: network link is down", netdev.ErrLinkDown),
	errNoRoute:       offload.Wrap("wifinina: no connection: nobody listens there, or it does not answer", netdev.ErrConnRefused),
	errEOF:           io.EOF,
	errConnReset:     netdev.ErrConnReset,
	errConnRefused:   netdev.ErrConnRefused,
	errAddrInUse:     netdev.ErrAddrInUse,
	errNoMoreSockets: netdev.ErrNoMoreSockets,
	errNotSupported:  netdev.ErrNotSupported,
	errHostUnknown:   netdev.ErrHostUnknown,

	errNoAccessPoint:  netlink.ErrNoAccessPoint,
	errAuthFailure:    netlink.ErrAuthFailure,
	errConnectFailed:  netlink.ErrConnectFailed,
	errConnectTimeout: netlink.ErrConnectTimeout,
	errNoAddress:      netdev.ErrStartingDHCPClient,
}

// because returns a fault for an error that has none of its own. The caller holds the
// bus until err has been asked.
func (c *chip) because(err error) fault {
	c.cause = err
	return errCause
}

// joinBecause is because in a Join, which does not hold the bus throughout.
func (c *chip) joinBecause(err error) fault {
	c.joinCause = err
	return errJoinCause
}

// late returns why a call had to end for which the chip did not answer in time.
func (c *chip) late() fault {
	if why := c.eng.Interrupted(); why != nil {
		return c.because(why)
	}
	return errLate
}

// err returns the error of a fault.
func (c *chip) err(f fault) error {
	switch f {
	case 0:
		return nil
	case errCause:
		return c.cause
	case errJoinCause:
		return c.joinCause
	}
	return faults[f]
}

// What is wrong with a call, or with what the driver was given.
var (
	errNoBus     = offload.Wrap("wifinina: no SPI bus or pins given, and this build is for no board that has its own: set Spi, Cs, Ack, Gpio0 and Resetn in Config, or build for a board", netdev.ErrDevice)
	errSomePins  = offload.Wrap("wifinina: Config needs all of Spi, Cs, Ack, Gpio0 and Resetn, or none", netdev.ErrDevice)
	errNotSent   = offload.Wrap("wifinina: the chip did not send the datagram", netdev.ErrDevice)
	errSlotSize  = offload.Wrap("wifinina: datagram is longer than 1460 bytes, which is all that this firmware sends from a group's socket", netdev.ErrMsgSize)
	errTLSRetry  = offload.Wrap("wifinina: the data of a Send that did not end has to be sent first: close the connection", netdev.ErrConnReset)
	errTLS       = offload.Wrap("wifinina: no encrypted connection: nobody listens there, or the peer's certificate was refused", netdev.ErrConnRefused)
	errTLSServer = offload.Wrap("wifinina: the firmware has no TLS server", netdev.ErrNotSupported)
	errChannel   = offload.Wrap("wifinina: APChannel is not 1 to 13", netlink.ErrConnectModeNoGood)
	errAPFailed  = offload.Wrap("wifinina: the chip could not become an access point", netlink.ErrConnectFailed)
	errStatic    = offload.Wrap("wifinina: Static needs an IPv4 Addr and a Mask", netdev.ErrMalAddr)
	errEntLong   = offload.Wrap("wifinina: a text of Enterprise is longer than the firmware takes", netdev.ErrNotSupported)
	errEntKind   = offload.Wrap("wifinina: the firmware has no certificates for WPA2 Enterprise: use user and password", netdev.ErrNotSupported)
	errScanUp    = offload.Wrap("wifinina: a scan ends the connection: NetDisconnect first", netlink.ErrConnected)
	errScan      = offload.Wrap("wifinina: the chip could not scan", netdev.ErrDevice)
	errNoTime    = offload.Wrap("wifinina: the chip does not know the time yet", netdev.ErrDevice)
	errNoPong    = offload.Wrap("wifinina: no answer to the ping", netdev.ErrTimeout)
	errGroup     = offload.Wrap("wifinina: not an IPv4 multicast address", netdev.ErrMalAddr)
	errGroupSock = offload.Wrap("wifinina: only a datagram socket that is bound can join a group, once", netdev.ErrNotSupported)
)
