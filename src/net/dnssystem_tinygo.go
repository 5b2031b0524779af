//go:build tinygo

package net

import "net/netip"

const (
	dnsSingleRequest = true    // devices have few sockets
	dnsMaxStream     = 4 << 10 // bytes of an answer by TCP
)

// A board has no operating system with files of its own.

func (c *dnsSettings) readOptions()       {}
func hostsNames(addr netip.Addr) []string { return nil }
func hostsCanonical(name string) string   { return "" }
