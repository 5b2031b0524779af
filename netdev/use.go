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
