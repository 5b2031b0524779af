//go:build tinygo

package net

import (
	"net/netip"
	"time"
)

// Calls of the device. A panic in one ends the program, as those of TinyGo's
// runtime do in any case: a defer in each of these took 3 KB.

func callSocket(dev netdever, domain, stype, proto int) (fd int, err error) {
	return dev.Socket(domain, stype, proto)
}

func callLookup(dev netdever, family byte, host string, deadline time.Time) (ips []netip.Addr, err error) {
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
	return dev.Addr()
}

func callBind(dev netdever, fd int, addr netip.AddrPort) (err error) {
	return dev.Bind(fd, addr)
}

func callConnect(dev netdever, fd int, host string, to netip.AddrPort) (err error) {
	return dev.Connect(fd, host, to)
}

func callListen(dev netdever, fd int) (err error) {
	return dev.Listen(fd, deviceBacklog)
}

func callAccept(dev netdever, fd int) (newFd int, from netip.AddrPort, err error) {
	return dev.Accept(fd)
}

func callSend(dev netdever, fd int, b []byte, until time.Time) (n int, err error) {
	return dev.Send(fd, b, 0, until)
}

func callRecv(dev netdever, fd int, b []byte, until time.Time) (n int, err error) {
	return dev.Recv(fd, b, 0, until)
}

func callSendTo(d datagrammer, fd int, b []byte, to netip.AddrPort, until time.Time) (n int, err error) {
	return d.SendTo(fd, b, 0, to, until)
}

func callRecvFrom(d datagrammer, fd int, b []byte, until time.Time) (n int, from netip.AddrPort, err error) {
	return d.RecvFrom(fd, b, 0, until)
}

func callClose(dev netdever, fd int) (err error) {
	return dev.Close(fd)
}

func callSetSockOpt(dev netdever, fd, level, opt int, value any) (err error) {
	return dev.SetSockOpt(fd, level, opt, value)
}

func callLocalAddr(d localAddrer, fd int) (addr netip.AddrPort, err error) {
	return d.LocalAddr(fd)
}

func callSetDeadline(d deadliner, fd int, dir direction, t time.Time) (err error) {
	if dir == reading {
		return d.SetReadDeadline(fd, t)
	}
	return d.SetWriteDeadline(fd, t)
}

func callShutdown(d shutdowner, fd, how int) (err error) {
	return d.Shutdown(fd, how)
}

func callJoinGroup(d multicaster, fd int, group netip.Addr, ifIndex int) (err error) {
	return d.JoinGroup(fd, group, ifIndex)
}
func callDNSServers(d dnsServerer) (servers []netip.AddrPort, err error) {
	return d.DNSServers(), nil
}

func callDNSSearch(d dnsSearcher) (domains []string, ndots int, err error) {
	domains, ndots = d.DNSSearch()
	return domains, ndots, nil
}
