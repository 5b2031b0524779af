//go:build tinygo

package net

import _ "unsafe" // for go:linkname

// tinynetDevice is the device, a netdever, or nil. TinyGo cannot link to
// variables by name: useNetdev sets it.
var tinynetDevice any

// A board has few sockets.
const (
	loopbackBuffer  = 4 << 10
	loopbackBacklog = 16
	copyBuffer      = 1 << 10
)

// What the device is not. A driver's New function knows its type when it is
// compiled, so that these are constants in most programs, and what only the other
// kind of device needs is left out.
var (
	untimed bool // it is no deadliner
	untold  bool // it is no localAddrer
)

// udpBound is set by whatever makes a datagram socket. Where that is not in a program,
// what makes such sockets is left out.
var udpBound bool

func bindsUDP() { udpBound = true }

var (
	deviceDeadliner   deadliner
	deviceLocalAddrer localAddrer
)

// useNetdev is the function that package netdev, and drivers written for
// tinygo.org/x/drivers, link to under the name net.useNetdev.
//
//go:linkname useNetdev
func useNetdev(dev netdever) {
	tinynetDevice = dev
	if d, ok := dev.(deadliner); ok {
		deviceDeadliner = d
	} else {
		untimed = true
	}
	if d, ok := dev.(localAddrer); ok {
		deviceLocalAddrer = d
	} else {
		untold = true
	}
}

// timed reports whether the device knows the deadlines of blocked calls, and is
// a deadliner.
func (s *devSocket) timed() bool { return !untimed }

func (s *devSocket) deadliner() deadliner { return deviceDeadliner }

// tells reports whether the device knows the local address of a socket, and is
// a localAddrer.
func (s *devSocket) tells() bool { return !untold }

func (s *devSocket) localAddrer() localAddrer { return deviceLocalAddrer }

// listenInMemory is called when a socket begins to listen on the loopback in
// memory.
func listenInMemory() { loopDial = (*Dialer).dialMemory }

// keepAliveByDefault does what a zero Dialer or ListenConfig asks for. When to
// probe is left to the device.
func (c *TCPConn) keepAliveByDefault() { c.SetKeepAlive(true) }

// useAlarms is called when a deadline is set on what is in memory.
func useAlarms() { armAlarm = (*alarm).arm }

// usePending is called before something is to be received by a socket of the
// device that the device does not know of.
func usePending() {
	readyElsewhere, againElsewhere = (*devSocket).readyBeside, (*devSocket).againBeside
}
