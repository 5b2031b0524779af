//go:build !(ninafw || arduino_mkrwifi1010 || arduino_nano33 || challenger_rp2040 || espat || matrixportal_m4 || metro_m4_airlift || nano_rp2040 || pyportal) && (tinygo || !tinynet_host)

package probe

import (
	"net"
	"net/netip"
	"time"

	"tinynet/netdev"
	"tinynet/netlink"
)

// Probe returns a device whose every method fails with ErrNoBoard: the build is
// for no board, or for one whose network chip is not known.
func Probe() (netlink.Netlinker, netdev.Netdever) {
	netdev.UseNetdev(none{})
	return none{}, none{}
}

type none struct{}

func (none) NetConnect(...*netlink.ConnectParams) error { return ErrNoBoard }
func (none) NetDisconnect()                             {}
func (none) NetNotify(func(netlink.Event))              {}

func (none) GetHardwareAddr() (net.HardwareAddr, error) { return nil, ErrNoBoard }

func (none) GetHostByName(string) (netip.Addr, error)      { return netip.Addr{}, ErrNoBoard }
func (none) Addr() (netip.Addr, error)                     { return netip.Addr{}, ErrNoBoard }
func (none) Socket(int, int, int) (int, error)             { return -1, ErrNoBoard }
func (none) Bind(int, netip.AddrPort) error                { return ErrNoBoard }
func (none) Connect(int, string, netip.AddrPort) error     { return ErrNoBoard }
func (none) Listen(int, int) error                         { return ErrNoBoard }
func (none) Accept(int) (int, netip.AddrPort, error)       { return -1, netip.AddrPort{}, ErrNoBoard }
func (none) Send(int, []byte, int, time.Time) (int, error) { return 0, ErrNoBoard }
func (none) Recv(int, []byte, int, time.Time) (int, error) { return 0, ErrNoBoard }
func (none) Close(int) error                               { return ErrNoBoard }
func (none) SetSockOpt(int, int, int, interface{}) error   { return ErrNoBoard }
