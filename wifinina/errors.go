package wifinina

import (
	"tinynet/netdev"
	"tinynet/netlink"
	"tinynet/offload"
)

// What goes wrong with the chip. All of them are netdev.ErrDevice.
var (
	errNoSelect = offload.Wrap("wifinina: the chip does not react to its chip-select pin: is it there, and are the pins right?", netdev.ErrDevice)
	errNoAnswer = offload.Wrap("wifinina: the chip does not answer: its READY pin stays high", netdev.ErrDevice)
	errGarbled  = offload.Wrap("wifinina: the chip's answer makes no sense", netdev.ErrDevice)
	errRefused  = offload.Wrap("wifinina: the chip's firmware refuses the command", netdev.ErrDevice)
	errSPI      = offload.Wrap("wifinina: SPI transfer failed", netdev.ErrDevice)
	errFrame    = offload.Wrap("wifinina: command does not fit into a frame", netdev.ErrDevice)
	errLate     = offload.Wrap("wifinina: the chip did not answer before the call had to end", netdev.ErrDevice)
	errNonBlock = offload.Wrap("wifinina: the chip cannot make a socket non-blocking", netdev.ErrDevice)
)

// What is wrong with a call, or with what the driver was given.
var (
	errNoBus     = offload.Wrap("wifinina: no SPI bus or pins given, and this build is for no board that has its own: set Spi, Cs, Ack, Gpio0 and Resetn in Config, or build for a board", netdev.ErrDevice)
	errSomePins  = offload.Wrap("wifinina: Config needs all of Spi, Cs, Ack, Gpio0 and Resetn, or none", netdev.ErrDevice)
	errNotSent   = offload.Wrap("wifinina: the chip did not send the datagram", netdev.ErrDevice)
	errSlotSize  = offload.Wrap("wifinina: datagram is longer than 1460 bytes, which is all that this firmware sends from a group's socket", netdev.ErrMsgSize)
	errLost      = offload.Wrap("wifinina: network link is down", netdev.ErrLinkDown)
	errTLSRetry  = offload.Wrap("wifinina: the data of a Send that did not end has to be sent first: close the connection", netdev.ErrConnReset)
	errTLS       = offload.Wrap("wifinina: no encrypted connection: nobody listens there, or the peer's certificate was refused", netdev.ErrConnRefused)
	errNoRoute   = offload.Wrap("wifinina: no connection: nobody listens there, or it does not answer", netdev.ErrConnRefused)
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
