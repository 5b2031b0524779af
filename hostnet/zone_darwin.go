//go:build !tinygo

package hostnet

import (
	"syscall"
	"unsafe"
)

// interfaces returns the names and numbers of the network interfaces
// (route(4)).
func interfaces() ([]zone, error) {
	rib, err := syscall.RouteRIB(syscall.NET_RT_IFLIST, 0)
	if err != nil {
		return nil, err
	}
	messages, err := syscall.ParseRoutingMessage(rib)
	if err != nil {
		return nil, err
	}
	var all []zone
	for _, m := range messages {
		m, ok := m.(*syscall.InterfaceMessage)
		if !ok {
			continue
		}
		addrs, err := syscall.ParseRoutingSockaddr(m)
		if err != nil {
			return nil, err
		}
		for _, sa := range addrs {
			link, ok := sa.(*syscall.SockaddrDatalink)
			if !ok || int(link.Nlen) > len(link.Data) {
				continue
			}
			name := unsafe.Slice((*byte)(unsafe.Pointer(&link.Data)), link.Nlen)
			all = append(all, zone{uint32(m.Header.Index), string(name)})
		}
	}
	return all, nil
}
