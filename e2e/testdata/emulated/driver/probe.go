// Package probe stands in for tinynet/netlink/probe: its device is the board's
// own, and the ends of connections are counted.
package probe

import (
	"net/netip"

	"tinynet/netdev"
	"tinynet/netlink"
	"tinynet/wifinina"

	"example.com/emulated/count"
)

type device struct {
	*wifinina.Device
	accepted [16]bool // by descriptor
	joined   bool
}

var dev *device

// Probe returns the device, the same every time.
func Probe() (netlink.Netlinker, netdev.Netdever) {
	if dev == nil {
		dev = &device{Device: wifinina.New(&wifinina.Config{})}
		netdev.UseNetdev(dev)
	}
	return dev, dev
}

// NetConnect joins the network, once.
func (d *device) NetConnect(params ...*netlink.ConnectParams) error {
	if d.joined {
		return nil
	}
	d.joined = true
	return d.Device.NetConnect(params...)
}

// NetDisconnect stays in the network: a program that is called again needs it.
func (d *device) NetDisconnect() {}

func (d *device) Accept(fd int) (int, netip.AddrPort, error) {
	count.Stack("accept")
	c, peer, err := d.Device.Accept(fd)
	if err == nil && c < len(d.accepted) {
		d.accepted[c] = true
	}
	return c, peer, err
}

func (d *device) Close(fd int) error {
	err := d.Device.Close(fd)
	if fd >= 0 && fd < len(d.accepted) && d.accepted[fd] {
		d.accepted[fd] = false
		count.Stack("connection")
		count.Request()
	}
	return err
}
