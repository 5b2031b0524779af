//go:build !tinygo

package net

import (
	"os"
	"strings"
	"syscall"
	"unsafe"
)

// rib calls f with each message of the system's routing information that is of
// a type (rtnetlink(7)): its fixed part, of that size at least, and its
// attributes.
func rib(request int, answer uint16, size int, f func(data []byte, attrs []syscall.NetlinkRouteAttr)) error {
	table, err := syscall.NetlinkRIB(request, syscall.AF_UNSPEC)
	if err != nil {
		return os.NewSyscallError("netlinkrib", err)
	}
	messages, err := syscall.ParseNetlinkMessage(table)
	if err != nil {
		return os.NewSyscallError("parsenetlinkmessage", err)
	}
	for i := range messages {
		if messages[i].Header.Type != answer || len(messages[i].Data) < size {
			continue
		}
		attrs, err := syscall.ParseNetlinkRouteAttr(&messages[i])
		if err != nil {
			return os.NewSyscallError("parsenetlinkrouteattr", err)
		}
		f(messages[i].Data, attrs)
	}
	return nil
}

// systemInterfaces returns the system's interfaces if they are the ones that
// count.
func systemInterfaces() (all []Interface, ok bool, err error) {
	if !onSystem() {
		return nil, false, nil
	}
	err = rib(syscall.RTM_GETLINK, syscall.RTM_NEWLINK, syscall.SizeofIfInfomsg, func(data []byte, attrs []syscall.NetlinkRouteAttr) {
		info := (*syscall.IfInfomsg)(unsafe.Pointer(&data[0]))
		ifi := Interface{Index: int(info.Index), Flags: systemFlags(info.Flags)}
		for _, a := range attrs {
			switch a.Attr.Type {
			case syscall.IFLA_IFNAME:
				ifi.Name, _, _ = strings.Cut(string(a.Value), "\x00")
			case syscall.IFLA_MTU:
				if len(a.Value) >= 4 {
					ifi.MTU = int(*(*uint32)(unsafe.Pointer(&a.Value[0])))
				}
			case syscall.IFLA_ADDRESS:
				// Tunnels have their IP address there, the loopback zeros.
				if info.Flags&(syscall.IFF_LOOPBACK|syscall.IFF_POINTOPOINT) == 0 {
					ifi.HardwareAddr = a.Value
				}
			}
		}
		all = append(all, ifi)
	})
	return all, true, err
}

func systemFlags(system uint32) (f Flags) {
	for _, flag := range [...]struct {
		system uint32
		flag   Flags
	}{
		{syscall.IFF_UP, FlagUp},
		{syscall.IFF_BROADCAST, FlagBroadcast},
		{syscall.IFF_LOOPBACK, FlagLoopback},
		{syscall.IFF_POINTOPOINT, FlagPointToPoint},
		{syscall.IFF_MULTICAST, FlagMulticast},
		{syscall.IFF_RUNNING, FlagRunning},
	} {
		if system&flag.system != 0 {
			f |= flag.flag
		}
	}
	return f
}

// systemAddrs returns the addresses of the interface with that index, or of all
// if it is 0.
func systemAddrs(index int) (all []Addr, ok bool, err error) {
	if !onSystem() {
		return nil, false, nil
	}
	err = rib(syscall.RTM_GETADDR, syscall.RTM_NEWADDR, syscall.SizeofIfAddrmsg, func(data []byte, attrs []syscall.NetlinkRouteAttr) {
		info := (*syscall.IfAddrmsg)(unsafe.Pointer(&data[0]))
		if index != 0 && int(info.Index) != index {
			return
		}
		// Where there is a peer, IFA_ADDRESS is its address and not ours.
		var ip IP
		for _, a := range attrs {
			if a.Attr.Type == syscall.IFA_LOCAL || a.Attr.Type == syscall.IFA_ADDRESS && ip == nil {
				ip = IP(a.Value)
			}
		}
		switch {
		case info.Family == syscall.AF_INET && len(ip) == IPv4len:
			all = append(all, &IPNet{IP: ip.To16(), Mask: CIDRMask(int(info.Prefixlen), 32)})
		case info.Family == syscall.AF_INET6 && len(ip) == IPv6len:
			all = append(all, &IPNet{IP: ip, Mask: CIDRMask(int(info.Prefixlen), 128)})
		}
	})
	return all, true, err
}

// systemGroups returns the multicast groups that the interface is in.
func systemGroups(name string) (groups []Addr, ok bool) {
	if !onSystem() {
		return nil, false
	}
	return append(groups4("/proc/net/igmp", name), groups6("/proc/net/igmp6", name)...), true
}

// groups4 returns the IPv4 groups of an interface. The file has a line for each
// interface and below it one for each group, which is in the machine's order of
// bytes.
func groups4(file, name string) (groups []Addr) {
	current := ""
	eachLine(file, func(words []string) {
		if len(words[0]) == 8 {
			if b, ok := fromHex(words[0]); ok && current == name {
				v := *(*uint32)(unsafe.Pointer(&b[0]))
				groups = append(groups, &IPAddr{IP: IPv4(byte(v>>24), byte(v>>16), byte(v>>8), byte(v))})
			}
		} else if len(words) > 1 {
			current = strings.TrimSuffix(words[1], ":")
		}
	})
	return groups
}

// groups6 returns the IPv6 groups of an interface.
func groups6(file, name string) (groups []Addr) {
	eachLine(file, func(words []string) {
		if len(words) > 2 && words[1] == name {
			if b, ok := fromHex(words[2]); ok && len(b) == IPv6len {
				groups = append(groups, &IPAddr{IP: b})
			}
		}
	})
	return groups
}

// fromHex returns the bytes that s is in hexadecimal.
func fromHex(s string) ([]byte, bool) {
	if len(s) == 0 || len(s)%2 != 0 {
		return nil, false
	}
	b := make([]byte, len(s)/2)
	for i := range s {
		digit := strings.IndexByte(hexDigits, lowerASCII(s[i : i+1])[0])
		if digit < 0 {
			return nil, false
		}
		b[i/2] = b[i/2]<<4 | byte(digit)
	}
	return b, true
}
