//go:build tinynet_host && !tinygo

package probe

import (
	"net"
	"sync"

	"tinynet/hostnet"
	"tinynet/netdev"
	"tinynet/netlink"
)

// Probe returns the operating system's network, for 'tinynet run -board host'.
// It is joined by others: NetConnect only says so, whatever the name and
// passphrase. Package net works on it from then on.
func Probe() (netlink.Netlinker, netdev.Netdever) {
	return new(hostLink), hostnet.New()
}

// hostLink is a link that is always up.
type hostLink struct {
	mu     sync.Mutex
	notify func(netlink.Event)
}

// NetConnect tells NetNotify's callback that the network is up.
func (l *hostLink) NetConnect(...*netlink.ConnectParams) error {
	l.tell(netlink.EventNetUp)
	return nil
}

// NetDisconnect tells NetNotify's callback that the network is down. It is up
// all the same.
func (l *hostLink) NetDisconnect() { l.tell(netlink.EventNetDown) }

func (l *hostLink) NetNotify(cb func(netlink.Event)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.notify = cb
}

func (l *hostLink) tell(e netlink.Event) {
	l.mu.Lock()
	notify := l.notify
	l.mu.Unlock()
	if notify != nil {
		notify(e)
	}
}

// GetHardwareAddr returns the address of the first interface that has one.
func (l *hostLink) GetHardwareAddr() (net.HardwareAddr, error) {
	all, err := net.Interfaces()
	if err != nil {
		return nil, err
	}
	for _, i := range all {
		if len(i.HardwareAddr) > 0 {
			return i.HardwareAddr, nil
		}
	}
	return nil, netlink.ErrNotSupported
}
