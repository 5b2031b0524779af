//go:build (!linux && !darwin) || tinygo

package hostnet

import (
	"net/netip"
	"time"

	"tinynet/netdev"
)

// Device stands in for the system's network where there is none: all of its
// methods fail.
type Device struct{}

var _ netdev.Netdever = (*Device)(nil)

var errSystem = wrap("hostnet is for Linux and macOS, built by Go", netdev.ErrNotSupported)

// New returns a device whose methods fail, and makes it the one that package
// net works on.
func New() *Device {
	d := &Device{}
	netdev.UseNetdev(d)
	return d
}

// GetHostByName fails.
func (d *Device) GetHostByName(name string) (netip.Addr, error) { return netip.Addr{}, errSystem }

// Addr fails.
func (d *Device) Addr() (netip.Addr, error) { return netip.Addr{}, errSystem }

// Socket fails.
func (d *Device) Socket(domain, stype, protocol int) (int, error) { return -1, errSystem }

// Bind fails.
func (d *Device) Bind(sockfd int, ip netip.AddrPort) error { return errSystem }

// Connect fails.
func (d *Device) Connect(sockfd int, host string, ip netip.AddrPort) error { return errSystem }

// Listen fails.
func (d *Device) Listen(sockfd, backlog int) error { return errSystem }

// Accept fails.
func (d *Device) Accept(sockfd int) (int, netip.AddrPort, error) {
	return -1, netip.AddrPort{}, errSystem
}

// Send fails.
func (d *Device) Send(sockfd int, buf []byte, flags int, deadline time.Time) (int, error) {
	return 0, errSystem
}

// Recv fails.
func (d *Device) Recv(sockfd int, buf []byte, flags int, deadline time.Time) (int, error) {
	return 0, errSystem
}

// Close fails.
func (d *Device) Close(sockfd int) error { return errSystem }

// SetSockOpt fails.
func (d *Device) SetSockOpt(sockfd, level, opt int, value interface{}) error { return errSystem }
