//go:build (challenger_rp2040 || espat) && (tinygo || !tinynet_host)

package probe

import (
	"tinynet/espat"
	"tinynet/netdev"
	"tinynet/netlink"
)

// Probe returns the board's module with Espressif's AT firmware, twice: as the device
// that joins a network and as the one that has sockets. Package net works on it from
// then on.
func Probe() (netlink.Netlinker, netdev.Netdever) {
	dev := espat.New(&espat.Config{})
	return dev, dev
}
