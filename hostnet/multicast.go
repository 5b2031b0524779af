//go:build (linux || darwin) && !tinygo

package hostnet

import (
	"encoding/binary"
	"net/netip"
	"syscall"

	"tinynet/netdev"
)

// JoinGroup makes a datagram socket a member of a multicast group, on the
// interface with the index ifIndex, or the system's choice if that is 0. What the
// socket sends to groups goes out there too, and is not looped back.
func (d *Device) JoinGroup(sockfd int, group netip.Addr, ifIndex int) error {
	s, err := d.table.get(sockfd)
	if err != nil {
		return err
	}
	group = group.Unmap()
	switch {
	case !group.IsMulticast():
		return wrap(group.String()+" is no multicast address", netdev.ErrMalAddr)
	case s.stype != syscall.SOCK_DGRAM || group.Is4() != (s.domain == syscall.AF_INET):
		return wrap("the socket is not one for datagrams of the group's family", netdev.ErrFamilyNotSupported)
	}
	return s.control("setsockopt", func(fd int) error {
		if group.Is4() {
			return join4(fd, group.As4(), ifIndex)
		}
		return join6(fd, group.As16(), ifIndex)
	})
}

func join4(fd int, group [4]byte, ifIndex int) error {
	// struct ip_mreqn: group, address of the interface, its index.
	var request [12]byte
	binary.NativeEndian.PutUint32(request[8:], uint32(ifIndex))
	if ifIndex != 0 {
		if err := syscall.SetsockoptString(fd, syscall.IPPROTO_IP, syscall.IP_MULTICAST_IF, string(request[:])); err != nil {
			return err
		}
	}
	if err := syscall.SetsockoptByte(fd, syscall.IPPROTO_IP, syscall.IP_MULTICAST_LOOP, 0); err != nil {
		return err
	}
	copy(request[:], group[:])
	return syscall.SetsockoptString(fd, syscall.IPPROTO_IP, syscall.IP_ADD_MEMBERSHIP, string(request[:]))
}

func join6(fd int, group [16]byte, ifIndex int) error {
	if ifIndex != 0 {
		if err := syscall.SetsockoptInt(fd, syscall.IPPROTO_IPV6, syscall.IPV6_MULTICAST_IF, ifIndex); err != nil {
			return err
		}
	}
	if err := syscall.SetsockoptInt(fd, syscall.IPPROTO_IPV6, syscall.IPV6_MULTICAST_LOOP, 0); err != nil {
		return err
	}
	request := syscall.IPv6Mreq{Multiaddr: group, Interface: uint32(ifIndex)}
	return syscall.SetsockoptIPv6Mreq(fd, syscall.IPPROTO_IPV6, syscall.IPV6_JOIN_GROUP, &request)
}
