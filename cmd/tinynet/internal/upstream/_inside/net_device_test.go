package net

import (
	"internal/poll"
	hostnet "net/internal"
	"net/internal/socktest"
	"net/netip"
	"os"
	"sync"
	"time"
)

// insideOriginal is the device without what the tests put around it, and
// insideHost the system's below.
var (
	insideOriginal any
	insideHost     *hostnet.Device
)

func insideInstall() {
	host, plain := insideBelow()
	insideOriginal, insideHost = tinynetDevice, host
	sockets := &insideCookies{}
	if plain {
		tinynetDevice = insidePlain{netdever: host, sockets: sockets}
	} else {
		tinynetDevice = insideWhole{Device: host, sockets: sockets}
	}
	hostnet.InsideAccept(func() error {
		_, err := sw.apply(socktest.FilterAccept, 0)
		return err
	})
}

func insideUninstall() { tinynetDevice = insideOriginal }

func insideSockets() int { return insideHost.InsideSockets() }

func insideHostname(f func() (string, error)) { hostnet.InsideHostname(f) }

// insideCookies is what the sockets of a device are, by number.
type insideCookies struct{ m sync.Map }

func (c *insideCookies) put(fd, domain, stype, protocol int) {
	c.m.Store(fd, socktest.Cookie(uint64(domain)&0xffff<<48|uint64(stype)&0xffff<<32|uint64(protocol)&0xff<<16))
}

func (c *insideCookies) apply(kind socktest.FilterType, name string, fd int) (after socktest.AfterFilter, err error) {
	cookie, _ := c.m.Load(fd)
	known, _ := cookie.(socktest.Cookie)
	if after, err = sw.apply(kind, known); err != nil {
		err = os.NewSyscallError(name, err)
	}
	return after, err
}

// The devices of the tests ask sw before they do what the system would do.
type (
	// insideWhole has all that the system's device has.
	insideWhole struct {
		*hostnet.Device
		sockets *insideCookies
	}
	// insidePlain has what the plainest of devices has.
	insidePlain struct {
		netdever
		sockets *insideCookies
	}
)

func (d insidePlain) HasLoopback() bool { return true }

func (d insideWhole) Socket(domain, stype, protocol int) (int, error) {
	fd, err := d.Device.Socket(domain, stype, protocol)
	d.sockets.put(fd, domain, stype, protocol)
	return fd, err
}

func (d insidePlain) Socket(domain, stype, protocol int) (int, error) {
	fd, err := d.netdever.Socket(domain, stype, protocol)
	d.sockets.put(fd, domain, stype, protocol)
	return fd, err
}

func (d insideWhole) Connect(fd int, host string, ip netip.AddrPort) error {
	if _, err := d.sockets.apply(socktest.FilterConnect, "connect", fd); err != nil {
		return err
	}
	return d.Device.Connect(fd, host, ip)
}

func (d insidePlain) Connect(fd int, host string, ip netip.AddrPort) error {
	if _, err := d.sockets.apply(socktest.FilterConnect, "connect", fd); err != nil {
		return err
	}
	return d.netdever.Connect(fd, host, ip)
}

func (d insideWhole) ConnectUnix(fd int, path string) error {
	if _, err := d.sockets.apply(socktest.FilterConnect, "connect", fd); err != nil {
		return err
	}
	return d.Device.ConnectUnix(fd, path)
}

func (d insideWhole) Listen(fd, backlog int) error {
	if _, err := d.sockets.apply(socktest.FilterListen, "listen", fd); err != nil {
		return err
	}
	return d.Device.Listen(fd, backlog)
}

func (d insidePlain) Listen(fd, backlog int) error {
	if _, err := d.sockets.apply(socktest.FilterListen, "listen", fd); err != nil {
		return err
	}
	return d.netdever.Listen(fd, backlog)
}

func (d insideWhole) SetSockOpt(fd, level, opt int, value interface{}) error {
	insideOption(fd, level, opt, value)
	return d.Device.SetSockOpt(fd, level, opt, value)
}

func (d insidePlain) SetSockOpt(fd, level, opt int, value interface{}) error {
	insideOption(fd, level, opt, value)
	return d.netdever.SetSockOpt(fd, level, opt, value)
}

// insideOption tells the tests what is set of keep-alive.
func insideOption(fd, level, opt int, value interface{}) {
	switch {
	case level == solSocket && opt == soKeepalive:
		raw, err := insideHost.SyscallConn(fd)
		if err == nil && testPreHookSetKeepAlive != nil {
			raw.Control(func(sys uintptr) { testPreHookSetKeepAlive(&netFD{pfd: poll.FD{Sysfd: int(sys)}}) })
		}
	case level == solTCP && opt == tcpKeepidle && testHookSetKeepAlive != nil:
		cfg := KeepAliveConfig{Enable: true, Idle: value.(time.Duration)}
		if cfg.Idle == defaultKeepAlive {
			cfg.Idle = 0 // as Go's net writes the default
		}
		testHookSetKeepAlive(cfg)
	}
}

// insideFileLock is held by who names the device's files and who reads them: a
// look-up that nobody waits for any more may still read.
var insideFileLock sync.Mutex

func insideFiles(hosts, resolv string) {
	insideFileLock.Lock()
	defer insideFileLock.Unlock()
	hostnet.InsideFiles(hosts, resolv)
}

func (d insideWhole) LookupHost(network, name string, deadline time.Time) ([]netip.Addr, error) {
	insideFileLock.Lock()
	defer insideFileLock.Unlock()
	return d.Device.LookupHost(network, name, deadline)
}

func (d insideWhole) DNSServers() []netip.AddrPort {
	insideFileLock.Lock()
	defer insideFileLock.Unlock()
	return d.Device.DNSServers()
}

func (d insideWhole) DNSSearch() (domains []string, ndots int) {
	insideFileLock.Lock()
	defer insideFileLock.Unlock()
	return d.Device.DNSSearch()
}
