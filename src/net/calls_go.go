//go:build !tinygo

package net

import (
	"net/netip"
	"time"
)

// Calls of the device. A panic in one must not take the program with it.

func callSocket(dev netdever, domain, stype, proto int) (fd int, err error) {
	defer recovered(&err)
	return dev.Socket(domain, stype, proto)
}

func callLookup(dev netdever, family byte, host string, deadline time.Time) (ips []netip.Addr, err error) {
	defer recovered(&err)
	if d, ok := dev.(hostLookuper); ok {
		return d.LookupHost(ipNetwork(family), host, deadline)
	}
	ip, err := dev.GetHostByName(host)
	if err != nil {
		return nil, err
	}
	return []netip.Addr{ip}, nil
}

func callAddr(dev netdever) (ip netip.Addr, err error) {
	defer recovered(&err)
	return dev.Addr()
}

func callBind(dev netdever, fd int, addr netip.AddrPort) (err error) {
	defer recovered(&err)
	return dev.Bind(fd, addr)
}

func callConnect(dev netdever, fd int, host string, to netip.AddrPort) (err error) {
	defer recovered(&err)
	return dev.Connect(fd, host, to)
}

func callListen(dev netdever, fd int) (err error) {
	defer recovered(&err)
	return dev.Listen(fd, deviceBacklog)
}

func callAccept(dev netdever, fd int) (newFd int, from netip.AddrPort, err error) {
	defer recovered(&err)
	return dev.Accept(fd)
}

func callSend(dev netdever, fd int, b []byte, until time.Time) (n int, err error) {
	defer recovered(&err)
	return dev.Send(fd, b, 0, until)
}

func callRecv(dev netdever, fd int, b []byte, until time.Time) (n int, err error) {
	defer recovered(&err)
	return dev.Recv(fd, b, 0, until)
}

func callSendTo(d datagrammer, fd int, b []byte, to netip.AddrPort, until time.Time) (n int, err error) {
	defer recovered(&err)
	return d.SendTo(fd, b, 0, to, until)
}

func callRecvFrom(d datagrammer, fd int, b []byte, until time.Time) (n int, from netip.AddrPort, err error) {
	defer recovered(&err)
	return d.RecvFrom(fd, b, 0, until)
}

func callClose(dev netdever, fd int) (err error) {
	defer recovered(&err)
	return dev.Close(fd)
}

func callSetSockOpt(dev netdever, fd, level, opt int, value any) (err error) {
	defer recovered(&err)
	return dev.SetSockOpt(fd, level, opt, value)
}

func callLocalAddr(d localAddrer, fd int) (addr netip.AddrPort, err error) {
	defer recovered(&err)
	return d.LocalAddr(fd)
}

func callSetDeadline(d deadliner, fd int, dir direction, t time.Time) (err error) {
	defer recovered(&err)
	if dir == reading {
		return d.SetReadDeadline(fd, t)
	}
	return d.SetWriteDeadline(fd, t)
}

func callShutdown(d shutdowner, fd, how int) (err error) {
	defer recovered(&err)
	return d.Shutdown(fd, how)
}

func callJoinGroup(d multicaster, fd int, group netip.Addr, ifIndex int) (err error) {
	defer recovered(&err)
	return d.JoinGroup(fd, group, ifIndex)
}
func callDNSServers(d dnsServerer) (servers []netip.AddrPort, err error) {
	defer recovered(&err)
	return d.DNSServers(), nil
}

func callDNSSearch(d dnsSearcher) (domains []string, ndots int, err error) {
	defer recovered(&err)
	domains, ndots = d.DNSSearch()
	return domains, ndots, nil
}

// recovered is deferred around calls of a device.
func recovered(err *error) {
	if recover() != nil {
		*err = errPanicked
	}
}
