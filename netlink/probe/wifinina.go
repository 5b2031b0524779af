//go:build (ninafw || arduino_mkrwifi1010 || arduino_nano33 || matrixportal_m4 || metro_m4_airlift || nano_rp2040 || pyportal) && !espat && (tinygo || !tinynet_host)

package probe

import (
	"tinynet/netdev"
	"tinynet/netlink"
	"tinynet/wifinina"
)

// Probe returns the board's WiFiNINA chip, twice: as the device that joins a
// network and as the one that has sockets. Package net works on it from then
// on.
func Probe() (netlink.Netlinker, netdev.Netdever) {
	dev := wifinina.New(&wifinina.Config{})
	return dev, dev
}
