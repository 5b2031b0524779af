//go:build !tinygo

package net

import _ "unsafe" // for go:linkname

func init() {
	loopDial = (*Dialer).dialMemory
	armAlarm = (*alarm).arm
	readyElsewhere, againElsewhere = (*devSocket).readyBeside, (*devSocket).againBeside
}

func useAlarms()  {}
func usePending() {}

// listenInMemory is called when a socket begins to listen on the loopback in
// memory.
func listenInMemory() {}

// tinynetDevice is the device, a netdever, or nil. Package netdev sets it under
// the name net.tinynetDevice.
//
//go:linkname tinynetDevice
var tinynetDevice any

const (
	loopbackBuffer  = 64 << 10 // bytes in each direction of a loopback connection
	loopbackBacklog = 4096     // connections that a listener has not accepted yet
	copyBuffer      = 32 << 10 // bytes that ReadFrom and WriteTo copy at a time
)

// timed reports whether the device knows the deadlines of blocked calls, and is
// a deadliner.
func (s *devSocket) timed() bool {
	_, ok := s.dev.(deadliner)
	return ok
}

func (s *devSocket) deadliner() deadliner { return s.dev.(deadliner) }

// tells reports whether the device knows the local address of a socket, and is
// a localAddrer.
func (s *devSocket) tells() bool {
	_, ok := s.dev.(localAddrer)
	return ok
}

func (s *devSocket) localAddrer() localAddrer { return s.dev.(localAddrer) }

// useNetdev is the function that drivers written for tinygo.org/x/drivers link
// to under the name net.useNetdev.
//
//go:linkname useNetdev
func useNetdev(dev netdever) { tinynetDevice = dev }

// keepAliveByDefault does what a zero Dialer or ListenConfig asks for.
func (c *TCPConn) keepAliveByDefault() { c.keepAlive(0, KeepAliveConfig{}) }

// udpBound: see device_tinygo.go.
const udpBound = true

func bindsUDP() {}
