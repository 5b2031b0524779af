//go:build !tinygo

package hostnet

import (
	"strings"
	"syscall"
	"unsafe"
)

// interfaces returns the names and numbers of the network interfaces
// (rtnetlink(7)).
func interfaces() ([]zone, error) {
	rib, err := syscall.NetlinkRIB(syscall.RTM_GETLINK, syscall.AF_UNSPEC)
	if err != nil {
		return nil, err
	}
	messages, err := syscall.ParseNetlinkMessage(rib)
	if err != nil {
		return nil, err
	}
	var all []zone
	for i := range messages {
		m := &messages[i]
		if m.Header.Type != syscall.RTM_NEWLINK || len(m.Data) < syscall.SizeofIfInfomsg {
			continue
		}
		attrs, err := syscall.ParseNetlinkRouteAttr(m)
		if err != nil {
			return nil, err
		}
		for _, a := range attrs {
			if a.Attr.Type == syscall.IFLA_IFNAME {
				name, _, _ := strings.Cut(string(a.Value), "\x00")
				info := (*syscall.IfInfomsg)(unsafe.Pointer(&m.Data[0]))
				all = append(all, zone{uint32(info.Index), name})
			}
		}
	}
	return all, nil
}
