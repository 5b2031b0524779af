//go:build !tinygo

package netdev

import _ "unsafe" // for go:linkname

// current is the variable in which tinynet's net looks for its device. With
// Go's own net in the program nobody reads it.
//
//go:linkname current net.tinynetDevice
var current any

// UseNetdev makes dev the device that package net works on. Call it once,
// before the first use of net: sockets belong to the device that made them.
// A nil dev takes the device away.
//
// The New functions of tinynet's drivers call it.
func UseNetdev(dev Netdever) { current = dev }

// UseDNS makes package net look up hosts by DNS where the device leaves that to
// it: see DNSServerer. With TinyGo it brings the DNS client into the program, which
// is without it otherwise; with Go net does so in any case.
func UseDNS() {}
