package net

import "errors"

// Interface is a network interface. If the device is made of the system's
// sockets, on Linux, they are the system's. Otherwise there are at most two:
// "lo", the loopback that works in memory, and "net0", the device.
type Interface struct {
	Index        int          // from 1
	MTU          int          // largest packet in bytes
	Name         string       // as "lo"
	HardwareAddr HardwareAddr // nil if unknown
	Flags        Flags        // as FlagUp
}

// Flags are properties of an Interface.
type Flags uint

const (
	FlagUp           Flags = 1 << iota // the interface is enabled
	FlagBroadcast                      // it can broadcast
	FlagLoopback                       // what is sent to it comes back
	FlagPointToPoint                   // it has one peer
	FlagMulticast                      // it can multicast
	FlagRunning                        // it can be used now
)

// String returns the names of the flags with "|" between them, and "0" if
// there is none.
func (f Flags) String() string {
	s := ""
	for i, name := range [...]string{"up", "broadcast", "loopback", "pointtopoint", "multicast", "running"} {
		if f&(1<<i) != 0 {
			s += "|" + name
		}
	}
	if s == "" {
		return "0"
	}
	return s[1:]
}

const (
	loopbackIndex = 1
	deviceIndex   = 2
)

var (
	errInvalidInterface      = errors.New("invalid network interface")
	errInvalidInterfaceIndex = errors.New("invalid network interface index")
	errInvalidInterfaceName  = errors.New("invalid network interface name")
	errNoSuchInterface       = errors.New("no such network interface")
)

func interfaceError(err error) error { return &OpError{Op: "route", Net: "ip+net", Err: err} }

// Interfaces returns the interfaces: lo, and net0 if there is a device, or those
// of the system. The device is up and running when it has an address.
func Interfaces() ([]Interface, error) {
	if all, ok, err := systemInterfaces(); ok {
		if err != nil {
			return nil, interfaceError(err)
		}
		return all, nil
	}
	all := []Interface{{
		Index: loopbackIndex,
		MTU:   65536,
		Name:  "lo",
		Flags: FlagUp | FlagLoopback | FlagRunning,
	}}
	if dev, err := currentDevice(); err == nil {
		net0 := Interface{
			Index: deviceIndex,
			MTU:   1500,
			Name:  "net0",
			Flags: FlagBroadcast | FlagMulticast,
		}
		if hw, ok := dev.(interface {
			GetHardwareAddr() (HardwareAddr, error)
		}); ok {
			net0.HardwareAddr, _ = hw.GetHardwareAddr()
		}
		if deviceIPNet() != nil {
			net0.Flags |= FlagUp | FlagRunning
		}
		all = append(all, net0)
	}
	return all, nil
}

// InterfaceByIndex returns the interface with that index.
func InterfaceByIndex(index int) (*Interface, error) {
	if index <= 0 {
		return nil, interfaceError(errInvalidInterfaceIndex)
	}
	return findInterface(func(ifi *Interface) bool { return ifi.Index == index })
}

// InterfaceByName returns the interface with that name.
func InterfaceByName(name string) (*Interface, error) {
	if name == "" {
		return nil, interfaceError(errInvalidInterfaceName)
	}
	return findInterface(func(ifi *Interface) bool { return ifi.Name == name })
}

func findInterface(match func(*Interface) bool) (*Interface, error) {
	all, err := Interfaces()
	if err != nil {
		return nil, err
	}
	for i := range all {
		if match(&all[i]) {
			return &all[i], nil
		}
	}
	return nil, interfaceError(errNoSuchInterface)
}

// InterfaceAddrs returns the addresses of all interfaces, each an *IPNet. A
// device does not tell the mask of its network, so its own is that of one
// host, /32 or /128.
func InterfaceAddrs() ([]Addr, error) {
	if addrs, ok, err := systemAddrs(0); ok {
		if err != nil {
			return nil, interfaceError(err)
		}
		return addrs, nil
	}
	addrs := loopbackIPNets()
	if n := deviceIPNet(); n != nil {
		addrs = append(addrs, n)
	}
	return addrs, nil
}

// Addrs returns the addresses of the interface as InterfaceAddrs does.
func (ifi *Interface) Addrs() ([]Addr, error) {
	if ifi == nil {
		return nil, interfaceError(errInvalidInterface)
	}
	if addrs, ok, err := systemAddrs(ifi.Index); ok {
		if err != nil {
			return nil, interfaceError(err)
		}
		return addrs, nil
	}
	switch ifi.Index {
	case loopbackIndex:
		return loopbackIPNets(), nil
	case deviceIndex:
		if n := deviceIPNet(); n != nil {
			return []Addr{n}, nil
		}
	}
	return nil, nil
}

// MulticastAddrs returns the multicast groups that the interface is in, each an
// *IPAddr, as far as they are known: devices do not tell.
func (ifi *Interface) MulticastAddrs() ([]Addr, error) {
	if ifi == nil {
		return nil, interfaceError(errInvalidInterface)
	}
	groups, _ := systemGroups(ifi.Name)
	return groups, nil
}

func loopbackIPNets() []Addr {
	return []Addr{
		&IPNet{IP: IPv4(127, 0, 0, 1), Mask: CIDRMask(8, 32)},
		&IPNet{IP: IP{15: 1}, Mask: CIDRMask(128, 128)},
	}
}

// deviceIPNet returns the device's address as a network of one host, or nil if
// there is no device or it has no address.
func deviceIPNet() *IPNet {
	dev, err := currentDevice()
	if err != nil {
		return nil
	}
	addr, err := dev.Addr()
	if err != nil || !addr.IsValid() || addr.IsUnspecified() {
		return nil
	}
	addr = addr.Unmap()
	b := addr.As16()
	return &IPNet{IP: b[:], Mask: CIDRMask(addr.BitLen(), addr.BitLen())}
}
