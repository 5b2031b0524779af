package net

import (
	"context"
	"errors"
	"internal/poll"
	"net/internal/socktest"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// Go's own tests of net name much of the inside of Go's net. This file gives them
// those names, over the inside of this net, as far as the two have a common
// meaning. What has none is cut out of the tests: see known.txt.

// Hooks that a test sets. Of those that this net has no place for, no test that
// is left depends on the effect.
var (
	testHookDialTCP         func(ctx context.Context, net string, laddr, raddr *TCPAddr) (*TCPConn, error)
	testHookSetKeepAlive    = func(KeepAliveConfig) {}
	testPreHookSetKeepAlive = func(*netFD) {}
	testHookStepTime        = func() {}

	dnsWaitGroup sync.WaitGroup
)

// netFD is what testPreHookSetKeepAlive gets.
type netFD struct{ pfd poll.FD }

// sw stands between the tests' sockets and the system.
var sw insideSwitch

// insideSwitch is a socktest.Switch of netdev's calls in place of the system's.
type insideSwitch struct {
	mu      sync.Mutex
	filters map[socktest.FilterType]socktest.Filter
}

func (s *insideSwitch) Set(kind socktest.FilterType, f socktest.Filter) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.filters == nil {
		s.filters = make(map[socktest.FilterType]socktest.Filter)
	}
	s.filters[kind] = f
}

func (s *insideSwitch) apply(kind socktest.FilterType, cookie socktest.Cookie) (socktest.AfterFilter, error) {
	s.mu.Lock()
	f := s.filters[kind]
	s.mu.Unlock()
	if f == nil {
		return nil, nil
	}
	return f(&socktest.Status{Cookie: cookie})
}

// Sockets has an element for each socket of the device.
func (s *insideSwitch) Sockets() map[int]string {
	all := make(map[int]string)
	for i := range insideSockets() {
		all[i] = "a socket of the device"
	}
	return all
}

func (s *insideSwitch) Stats() []socktest.Stat { return nil }

func installTestHooks()   { insideInstall() }
func uninstallTestHooks() { insideUninstall() }
func forceCloseSockets()  {}

func addCmdInheritedHandle(cmd *exec.Cmd, fd uintptr) {}

// isPlatformError reports whether an error is the system's, or says that the device
// cannot do something.
func isPlatformError(err error) bool {
	switch err.(type) {
	case syscall.Errno, unsupportedError:
		return true
	}
	return false
}

// Families.

var supportsIPv6 = sync.OnceValue(func() bool {
	l, err := Listen("tcp6", "[::1]:0")
	if err == nil {
		l.Close()
	}
	return err == nil
})

var supportsIPv4 = sync.OnceValue(func() bool {
	l, err := Listen("tcp4", "127.0.0.1:0")
	if err == nil {
		l.Close()
	}
	return err == nil
})

func supportsIPv4map() bool { return supportsIPv4() && supportsIPv6() }

var supportsUnixSocket = sync.OnceValue(func() bool {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		return false
	}
	defer os.RemoveAll(dir)
	l, err := Listen("unix", filepath.Join(dir, "s"))
	if err == nil {
		l.Close()
	}
	return err == nil
})

var supportsRawIP = sync.OnceValue(func() bool {
	c, err := ListenPacket("ip4:icmp", "127.0.0.1")
	if err == nil {
		c.Close()
	}
	return err == nil
})

// testableNetwork reports whether the device, and the rights of the program, are
// enough for a network.
func testableNetwork(network string) bool {
	kind, _, _ := strings.Cut(network, ":")
	family := kind[len(kind)-1]
	switch {
	case family == '4' && !supportsIPv4(), family == '6' && !supportsIPv6():
		return false
	case strings.HasPrefix(kind, "unix"):
		return supportsUnixSocket()
	case kind == "ip" || kind == "ip4" || kind == "ip6":
		return supportsRawIP()
	}
	return true
}

func ipVersion(network string) byte {
	if _, family, err := parseNetwork(network); err == nil {
		return family
	}
	_, family, _ := parseIPNetwork(network)
	return family
}

func networkNumberAndMask(n *IPNet) (IP, IPMask) { return n.parts() }

// insideZones finds the zones of interfaces.
type insideZones struct{}

var zoneCache insideZones

func (insideZones) name(index int) string {
	if ifi, err := InterfaceByIndex(index); err == nil {
		return ifi.Name
	}
	return ""
}

func parseProcNetIGMP(path string, ifi *Interface) []Addr  { return groups4(path, ifi.Name) }
func parseProcNetIGMP6(path string, ifi *Interface) []Addr { return groups6(path, ifi.Name) }

// checkFirstListener checks the family of a socket that listens: by its address,
// and by the socket itself if it has a descriptor.
func checkFirstListener(network string, ln any) error {
	var addr netip.Addr
	switch l := ln.(type) {
	case *TCPListener:
		addr = l.Addr().(*TCPAddr).AddrPort().Addr()
	case *UDPConn:
		addr = l.LocalAddr().(*UDPAddr).AddrPort().Addr()
	}
	want := syscall.AF_INET6
	switch network[3:] {
	case "4":
		want = syscall.AF_INET
	case "":
		if addr.Unmap().Is4() && !addr.IsUnspecified() || !supportsIPv4map() && addr.Unmap().Is4() {
			want = syscall.AF_INET
		}
	}
	if is4 := addr.Unmap().Is4(); is4 != (want == syscall.AF_INET) {
		return errors.New(network + " listens at " + addr.String())
	}
	raw, err := ln.(syscall.Conn).SyscallConn()
	if err != nil {
		return nil
	}
	const soDomain = 0x27 // Linux's
	domain := want
	if err := raw.Control(func(fd uintptr) { domain, err = syscall.GetsockoptInt(int(fd), syscall.SOL_SOCKET, soDomain) }); err != nil || domain == want {
		return nil
	}
	return errors.New(network + " listens on a socket of the other family")
}

// Dialling.

type addrList []Addr

var noDeadline time.Time

func partialDeadline(now, deadline time.Time, addrsRemaining int) (time.Time, error) {
	if deadline.IsZero() {
		return deadline, nil
	}
	left := deadline.Sub(now)
	if left <= 0 {
		return time.Time{}, errTimeout
	}
	return now.Add(shareOf(left, addrsRemaining)), nil
}

type sysDialer struct {
	Dialer
	network, address string
	testHookDialTCP  func(ctx context.Context, net string, laddr, raddr *TCPAddr) (*TCPConn, error)
}

func (sd *sysDialer) doDialTCP(ctx context.Context, laddr, raddr *TCPAddr) (*TCPConn, error) {
	return sd.dialTCPAddr(ctx, sd.network, laddr, raddr)
}

// dialParallel is Dialer.race, with the hook for each address.
func (sd *sysDialer) dialParallel(ctx context.Context, primaries, fallbacks addrList) (Conn, error) {
	hook := sd.testHookDialTCP
	if hook == nil {
		hook = testHookDialTCP
	}
	try := func(ctx context.Context, addrs []netip.AddrPort) (Conn, error) {
		return dialSerial(ctx, context.WithTimeout, addrs, func(ctx context.Context, remote netip.AddrPort) (Conn, error) {
			c, err := hook(ctx, sd.network, nil, TCPAddrFromAddrPort(remote))
			if err != nil {
				return nil, err
			}
			return c, nil
		})
	}
	ports := func(list addrList) (addrs []netip.AddrPort) {
		for _, a := range list {
			addrs = append(addrs, a.(*TCPAddr).AddrPort())
		}
		return addrs
	}
	if len(fallbacks) == 0 {
		return try(ctx, ports(primaries))
	}
	return sd.race(ctx, try, ports(primaries), ports(fallbacks))
}

const (
	defaultTCPKeepAliveIdle     = defaultKeepAlive
	defaultTCPKeepAliveInterval = defaultKeepAlive
	defaultTCPKeepAliveCount    = 9
)

// expectSendfile checks that during f the system sends a file, once, where sockets
// have descriptors.
func expectSendfile(t *testing.T, wantConn Conn, f func()) {
	t.Helper()
	sent, before := 0, poll.TestHookDidSendFile
	poll.TestHookDidSendFile = func(_ *poll.FD, _ uintptr, n int64, err error, _ bool) {
		sent++
		if err != nil {
			t.Errorf("sendfile wrote %d bytes: %v", n, err)
		}
	}
	f()
	poll.TestHookDidSendFile = before
	if _, ok := tinynetDevice.(filer); ok && sent != 1 {
		t.Errorf("sendfile was used %d times, want once", sent)
	}
}

// spliceHook is what a test gets to know of the moving of bytes from socket to
// socket by the system.
type spliceHook struct {
	called, handled bool
	dstfd, srcfd    int
	written         int64
	err             error
}

func hookSplice(t *testing.T) *spliceHook {
	h := new(spliceHook)
	testHookSplice = func(dst, src *devSocket, n int64, handled bool, err error) {
		*h = spliceHook{true, handled, insideDescriptor(dst), insideDescriptor(src), n, err}
	}
	t.Cleanup(func() { testHookSplice = nil })
	return h
}

func insideDescriptor(s *devSocket) (fd int) {
	if raw, err := s.syscallConn(); err == nil {
		raw.Control(func(sys uintptr) { fd = int(sys) })
	}
	return fd
}

// Datagrams and sequenced packets are not moved: their bounds would be lost.
func testSpliceNoUnixpacket(t *testing.T) {
	_, up := spawnTestSocketPair(t, "unixpacket")
	insideNoSplice(t, up)
}

func testSpliceNoUnixgram(t *testing.T) {
	insideNoSplice(t, newLocalPacketListener(t, "unixgram").(*UnixConn))
}

func insideNoSplice(t *testing.T, up Conn) {
	t.Helper()
	defer up.Close()
	client, down := spawnTestSocketPair(t, "tcp")
	defer client.Close()
	defer down.Close()
	if n, handled, err := down.(*TCPConn).spliceFrom(up); n != 0 || handled || err != nil {
		t.Errorf("moved %d, %t, %v", n, handled, err)
	}
}

// Look-ups.

var (
	defaultNS   = []string{"127.0.0.1:53", "[::1]:53"}
	getHostname = os.Hostname

	errServerMisbehaving = errMisbehaving
)

const (
	maxDNSPacketSize = dnsMaxPacket

	netGoBuildTag = true
	cgoAvailable  = false

	useTCPOnly  = true
	useUDPOrTCP = false
)

// conf is which resolver is to be used. This net has one.
type insideConf struct{ netGo, netCgo bool }

var insideSystemConf insideConf

func systemConf() *insideConf { return &insideSystemConf }

func absDomainName(s string) string { return rooted(s) }

func avoidDNS(name string) bool { return name == "" || len((&dnsSettings{}).names(name)) == 0 }

func reverseaddr(addr string) (string, error) {
	ip, err := netip.ParseAddr(addr)
	if err != nil {
		return "", &DNSError{Err: "unrecognized address", Name: addr}
	}
	return arpaName(ip), nil
}

func lookupProtocol(_ context.Context, name string) (int, error) {
	_, proto, err := parseRawNetwork("ip:" + name)
	return proto, err
}

type byPriorityWeight []*SRV

func (s byPriorityWeight) shuffleByWeight() { sortSRV(s) }

// lookupStaticHost returns what the device and this package find in the hosts file.
func lookupStaticHost(host string) (addrs []string, canonical string) {
	insideFiles(hostsFilePath, resolvFile)
	d, ok := tinynetDevice.(hostLookuper)
	if !ok {
		return nil, ""
	}
	found, err := d.LookupHost("ip", host, time.Time{})
	if err != nil {
		return nil, ""
	}
	for _, ip := range found {
		addrs = append(addrs, ip.String())
	}
	return addrs, hostsCanonical(host)
}

func lookupStaticAddr(addr string) []string {
	ip, err := netip.ParseAddr(addr)
	if err != nil {
		return nil
	}
	return hostsNames(ip)
}

// dnsConfig is a dnsSettings with what else Go's net keeps beside it.
type dnsConfig struct {
	servers, search             []string
	ndots                       int
	timeout                     time.Duration
	attempts                    int
	rotate, singleRequest       bool
	useTCP, trustAD, unknownOpt bool
	lookup                      []string
	err                         error
	mtime                       time.Time
}

func (c *dnsConfig) settings() *dnsSettings {
	return &dnsSettings{
		servers: c.servers, search: c.search, ndots: c.ndots, timeout: c.timeout, attempts: c.attempts,
		rotate: c.rotate, singleRequest: c.singleRequest, useTCP: c.useTCP, trustAD: c.trustAD,
	}
}

func (c *dnsConfig) nameList(name string) []string {
	if name == "" {
		return nil
	}
	return c.settings().names(name)
}

// dnsReadConfig reads a resolv.conf. What Go's net reads in order to choose
// between its resolver and C's is nothing for this net and is read here.
func dnsReadConfig(file string) *dnsConfig {
	defer insideUseResolv(insideUseResolv(file))
	c := getSystemDNSConfig()
	text, err := os.ReadFile(file)
	c.err = err
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line)
		if len(words) > 1 && words[0] == "lookup" {
			c.lookup = words[1:]
		}
		if len(words) > 1 && words[0] == "options" && words[1] == "attempts" {
			c.unknownOpt = true
		}
	}
	return c
}

func getSystemDNSConfig() *dnsConfig {
	insideHostname(getHostname)
	dials := &Resolver{Dial: new(Dialer).DialContext}
	s, err := dials.dnsSettings()
	if err != nil {
		return &dnsConfig{err: err}
	}
	return &dnsConfig{
		servers: s.servers, search: s.search, ndots: s.ndots, timeout: s.timeout, attempts: s.attempts,
		rotate: s.rotate, singleRequest: s.singleRequest, useTCP: s.useTCP, trustAD: s.trustAD,
	}
}

func dnsDefaultSearch() []string { return dnsReadConfig(os.DevNull).search }

// insideUseResolv makes a file the one of the settings and returns which it was.
func insideUseResolv(file string) (before string) {
	before, resolvFile = resolvFile, file
	insideFiles(hostsFilePath, file)
	return before
}

// resolvConfTest is a resolv.conf of a test's own.
type resolvConfTest struct{ dir, path, before string }

func newResolvConfTest() (*resolvConfTest, error) {
	dir, err := os.MkdirTemp("", "tinynet-resolvconf")
	if err != nil {
		return nil, err
	}
	c := &resolvConfTest{dir: dir, path: filepath.Join(dir, "resolv.conf")}
	c.before = insideUseResolv(c.path)
	return c, nil
}

func (c *resolvConfTest) write(lines []string) error {
	return os.WriteFile(c.path, []byte(strings.Join(lines, "\n")), 0o600)
}

func (c *resolvConfTest) writeAndUpdate(lines []string) error {
	dnsTurn.Store(0)
	return c.write(lines)
}

func (c *resolvConfTest) servers() []string { return getSystemDNSConfig().servers }

func (c *resolvConfTest) teardown() error {
	insideUseResolv(c.before)
	return os.RemoveAll(c.dir)
}

// hostLookupOrder is in which order the sources of names are asked. This net asks
// the hosts file first.
type hostLookupOrder int

const (
	hostLookupFilesDNS hostLookupOrder = iota
	hostLookupDNSFiles
	hostLookupFiles
	hostLookupCgo
)

func (r *Resolver) goLookupIPCNAMEOrder(ctx context.Context, network, name string, _ hostLookupOrder, _ *dnsConfig) (addrs []IPAddr, cname dnsmessage.Name, err error) {
	insideFiles(hostsFilePath, resolvFile)
	if addrs, err = r.LookupIPAddr(ctx, name); err != nil {
		return nil, cname, err
	}
	canonical, err := r.LookupCNAME(ctx, name)
	if err == nil {
		cname, err = dnsmessage.NewName(canonical)
	}
	return addrs, cname, err
}

func (r *Resolver) lookupAddr(ctx context.Context, addr string) ([]string, error) {
	return r.LookupAddr(ctx, addr)
}

// insideParser returns a parser that has read the question of a message.
func insideParser(m dnsMessage) (p dnsmessage.Parser, h dnsmessage.Header, err error) {
	if h, err = p.Start(m.b); err == nil {
		err = p.SkipAllQuestions()
	}
	return p, h, err
}

func (r *Resolver) exchange(ctx context.Context, server string, q dnsmessage.Question, timeout time.Duration, useTCP, ad bool) (p dnsmessage.Parser, h dnsmessage.Header, err error) {
	m, err := r.query(ctx, &dnsSettings{timeout: timeout, useTCP: useTCP, trustAD: ad}, server, q.Name.String(), uint16(q.Type))
	if err != nil {
		return p, h, err
	}
	return insideParser(m)
}

func (r *Resolver) tryOneName(ctx context.Context, cfg *dnsConfig, name string, qtype dnsmessage.Type) (p dnsmessage.Parser, server string, err error) {
	a, err := r.ask(ctx, cfg.settings(), name, uint16(qtype))
	if err != nil {
		return p, "", err
	}
	p, _, err = insideParser(a.dnsMessage)
	return p, a.server, err
}

func (r *Resolver) lookup(ctx context.Context, name string, qtype dnsmessage.Type, _ *dnsConfig) (p dnsmessage.Parser, server string, err error) {
	a, err := r.find(ctx, name, uint16(qtype))
	if err != nil {
		return p, "", err
	}
	p, _, err = insideParser(a.dnsMessage)
	return p, a.server, err
}

func dnsPacketRoundTrip(c Conn, _ uint16, q dnsmessage.Question, b []byte) (p dnsmessage.Parser, h dnsmessage.Header, err error) {
	m, err := packetRoundTrip(c, b, dnsRecord{name: q.Name.String(), typ: uint16(q.Type), class: uint16(q.Class)})
	if err != nil {
		return p, h, err
	}
	h, err = p.Start(m.b)
	return p, h, err
}

// Order of addresses.

func sortByRFC6724withSrcs(addrs []IPAddr, srcs []netip.Addr) {
	ips := make([]netip.Addr, len(addrs))
	for i, a := range addrs {
		ip, _ := netip.AddrFromSlice(a.IP)
		ips[i] = ip.Unmap().WithZone(a.Zone)
	}
	orderFrom(ips, srcs)
	for i, ip := range ips {
		b := ip.As16()
		addrs[i] = IPAddr{IP: b[:], Zone: ip.Zone()}
	}
}

type scope int

const (
	scopeLinkLocal  scope = 2
	scopeAdminLocal scope = 4
	scopeSiteLocal  scope = 5
	scopeGlobal     scope = 14
)

func classifyScope(ip netip.Addr) scope {
	_, _, s := addrPolicy(ip)
	return scope(s)
}
