// Stacks prints how much of a goroutine's stack each entry point of net, of the
// device and of net/http needs: the whole of what a goroutine that does nothing
// else has used at its deepest, with a garbage collection at whichever of its
// allocations is deepest.
package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"runtime"
	"strconv"
	"time"
	"unsafe"

	"tinynet/netdev"
	"tinynet/netlink"
	"tinynet/offload"

	"example.com/emulated/stack"
)

// Set at link time.
var (
	size string // of stacks, in bytes
	echo string // port of host that sends back what it gets, by TCP and by UDP
	call string // port of host that connects to the board's port 8080, and makes requests there if it is told "http"
	page string // port of host with a web server
	dns  string // port of host with a DNS server, by TCP
)

var stackSize int

// entry is an entry point, or a part of its work.
type entry struct {
	name    string
	prepare func() // by another goroutine
	call    func()
	finish  func()
}

var (
	watched  [16]stack.Watch // stacks of goroutines that we did not start
	nWatched int

	serving bool // the goroutine that is measured is in http.Serve
	serve   stack.Watch
)

// reached notes how far down the stack is that has reached the bus.
func reached() {
	end := stack.End()
	if serving && end == measured {
		serve.Begin(end)
	}
	for i := range watched[:nWatched] {
		if watched[i].Is(end) {
			watched[i].Look()
			return
		}
	}
	if nWatched < len(watched) && end != own && end != measured {
		watched[nWatched].Begin(end)
		nWatched++
	}
}

// own and measured are the stacks of main and of the goroutine that is
// measured.
var own, measured uintptr

// The goroutine that is measured takes calls and returns what they left of its
// stack. It is one for all, since a collector that is conservative keeps many a
// stack of a goroutine that is gone.
var (
	calls = make(chan func())
	left  = make(chan int)
)

func work() {
	measured = stack.End()
	for f := range calls {
		if f == nil {
			stack.Forget()
			left <- 0
			continue
		}
		f()
		left <- stack.Free()
	}
}

// measure calls an entry point as often as there are allocations in it, and
// prints the deepest that its stack was.
func measure(e entry) {
	calls <- nil
	<-left
	// A round without a collection is the last one; several times, since what a
	// call does also depends on when its packets come.
	free := stackSize
	for range 3 {
		for n := 0; n < 400; n++ {
			if e.prepare != nil {
				e.prepare()
			}
			frees := leave(n)
			calls <- e.call
			free = min(free, <-left)
			collected := frees != freed()
			if e.finish != nil {
				e.finish()
			}
			if !collected {
				break
			}
		}
	}
	println("stack", stackSize-free, e.name)
}

var memory runtime.MemStats

func freed() int {
	runtime.ReadMemStats(&memory)
	return int(memory.Frees)
}

var garbage *[4]uintptr

// leave fills the heap with garbage until n blocks are left, so that the
// allocation after those collects. It returns how many objects had been freed
// before.
func leave(n int) int {
	runtime.GC()
	runtime.ReadMemStats(&memory)
	for i := int(memory.HeapIdle)/16 - n; i > 0; i-- {
		garbage = new([4]uintptr)
	}
	garbage = nil
	return int(memory.Frees)
}

func must(err error) {
	if err != nil {
		println("failed:", err.Error())
		os.Exit(1)
	}
}

func value[T any](v T, err error) T {
	must(err)
	return v
}

var (
	dev *offload.Device
	buf = make([]byte, 64)
	msg = []byte("a line\n")
)

func main() {
	own = stack.End()
	stackSize = value(strconv.Atoi(size))
	go work()
	makeDevice()

	measure(entry{name: "(a function that returns)", call: func() {}})
	measure(entry{name: "(a garbage collection)", call: runtime.GC})
	measure(entry{name: "netlink NetConnect", call: func() { must(dev.NetConnect()) }, finish: dev.NetDisconnect})
	must(dev.NetConnect())
	measure(entry{name: "netlink NetDisconnect", call: dev.NetDisconnect, finish: func() { must(dev.NetConnect()) }})
	measure(entry{name: "netlink NetNotify", call: func() { dev.NetNotify(func(netlink.Event) {}) }})
	measure(entry{name: "netlink GetHardwareAddr", call: func() { value(dev.GetHardwareAddr()) }})
	driver()

	sockets()
	streams()
	datagrams()
	rest()
	lookups()
	used := 0
	for i := range watched[:nWatched] {
		used = max(used, stackSize-watched[i].Free())
	}
	println("stack", used, "(the driver's own goroutine)")
	web()
	println("stack", scheduler(), "(TinyGo's scheduler, on its own stack)")
	println("done")
	os.Exit(0)
}

// sockets measures netdev.Netdever and what goes with it.
func sockets() {
	host := value(dev.GetHostByName("host"))
	peer := netip.AddrPortFrom(host, uint16(value(strconv.Atoi(echo))))
	caller := "host:" + call
	var fd, c int
	open := func() { fd = value(dev.Socket(netdev.AF_INET, netdev.SOCK_STREAM, netdev.IPPROTO_TCP)) }
	shut := func() { must(dev.Close(fd)) }
	connect := func() { open(); must(dev.Connect(fd, "", peer)) }
	soon := func() time.Time { return time.Now().Add(10 * time.Second) }
	send := func() { value(dev.Send(fd, msg, 0, soon())) }
	recv := func() { value(dev.Recv(fd, buf, 0, soon())) }
	bind := func() { open(); must(dev.Bind(fd, netip.AddrPortFrom(netip.IPv4Unspecified(), 8080))) }

	measure(entry{name: "netdev GetHostByName", call: func() { value(dev.GetHostByName("host")) }})
	measure(entry{name: "netdev LookupHost", call: func() { value(dev.LookupHost("ip4", "host", soon())) }})
	measure(entry{name: "netdev Addr", call: func() { value(dev.Addr()) }})
	measure(entry{name: "netdev Socket", call: open, finish: shut})
	measure(entry{name: "netdev Bind", prepare: open, finish: shut, call: func() {
		must(dev.Bind(fd, netip.AddrPortFrom(netip.IPv4Unspecified(), 8080)))
	}})
	measure(entry{name: "netdev Listen", prepare: bind, finish: shut, call: func() { must(dev.Listen(fd, 1)) }})
	bind()
	must(dev.Listen(fd, 1))
	measure(entry{name: "netdev Accept", prepare: func() { value(net.Dial("tcp", caller)).Close() },
		call: func() { c, _, _ = dev.Accept(fd) }, finish: func() { must(dev.Close(c)) }})
	shut()
	measure(entry{name: "netdev Connect", prepare: open, finish: shut, call: func() { must(dev.Connect(fd, "", peer)) }})
	connect()
	measure(entry{name: "netdev Send", call: send, finish: recv})
	measure(entry{name: "netdev Recv", prepare: send, call: recv})
	measure(entry{name: "netdev LocalAddr", call: func() { value(dev.LocalAddr(fd)) }})
	measure(entry{name: "netdev SetSockOpt", call: func() { must(dev.SetSockOpt(fd, netdev.SOL_SOCKET, netdev.SO_KEEPALIVE, true)) }})
	measure(entry{name: "netdev SetReadDeadline", call: func() { must(dev.SetReadDeadline(fd, soon())) }})
	shut()
	measure(entry{name: "netdev Shutdown", prepare: connect, finish: shut, call: func() { must(dev.Shutdown(fd, netdev.SHUT_RD)) }})
	measure(entry{name: "netdev Close", prepare: connect, call: shut})

	fd = value(dev.Socket(netdev.AF_INET, netdev.SOCK_DGRAM, netdev.IPPROTO_UDP))
	must(dev.Bind(fd, netip.AddrPortFrom(netip.IPv4Unspecified(), 0)))
	sendTo := func() { value(dev.SendTo(fd, msg, 0, peer, soon())) }
	recvFrom := func() {
		_, _, err := dev.RecvFrom(fd, buf, 0, soon())
		must(err)
	}
	measure(entry{name: "netdev SendTo", call: sendTo, finish: recvFrom})
	measure(entry{name: "netdev RecvFrom", prepare: sendTo, call: recvFrom})
	shut()
}

// streams measures net's TCP.
func streams() {
	addr, caller := "host:"+echo, "host:"+call
	var c net.Conn
	dial := func() { c = value(net.Dial("tcp", addr)) }
	shut := func() { must(c.Close()) }
	write := func() { value(c.Write(msg)) }
	read := func() { value(c.Read(buf)) }

	measure(entry{name: "net Dial tcp", call: dial, finish: shut})
	measure(entry{name: "net DialTimeout tcp", call: func() { c = value(net.DialTimeout("tcp", addr, 10*time.Second)) }, finish: shut})
	measure(entry{name: "net Dialer.DialContext", finish: shut, call: func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		c = value(new(net.Dialer).DialContext(ctx, "tcp", addr))
		cancel()
	}})
	to := value(net.ResolveTCPAddr("tcp", addr))
	measure(entry{name: "net DialTCP", call: func() { c = value(net.DialTCP("tcp", nil, to)) }, finish: shut})
	dial()
	measure(entry{name: "net Conn.Write", call: write, finish: read})
	measure(entry{name: "net Conn.Read", prepare: write, call: read})
	measure(entry{name: "net Conn.Read with a deadline", call: func() {
		must(c.SetReadDeadline(time.Now().Add(5 * time.Millisecond)))
		if n, err := c.Read(buf); err == nil {
			println("failed: read", n)
			os.Exit(1)
		}
	}})
	must(c.SetDeadline(time.Time{}))
	measure(entry{name: "net Conn.SetDeadline", call: func() { must(c.SetDeadline(time.Now().Add(time.Hour))) }})
	measure(entry{name: "net Conn.LocalAddr, String", call: func() { _ = c.LocalAddr().String() }})
	measure(entry{name: "net Conn.RemoteAddr, String", call: func() { _ = c.RemoteAddr().String() }})
	measure(entry{name: "net TCPConn.SetKeepAlive", call: func() { must(c.(*net.TCPConn).SetKeepAlive(true)) }})
	measure(entry{name: "net TCPConn.SetNoDelay", call: func() { c.(*net.TCPConn).SetNoDelay(true) }})
	measure(entry{name: "net TCPConn.ReadFrom", finish: read, call: func() {
		value(c.(*net.TCPConn).ReadFrom(&io.LimitedReader{R: zeros{}, N: 8}))
	}})
	measure(entry{name: "net Buffers.WriteTo", finish: read, call: func() {
		value((&net.Buffers{msg[:3], msg[3:]}).WriteTo(c))
	}})
	shut()
	measure(entry{name: "net TCPConn.CloseRead", prepare: dial, finish: shut, call: func() { c.(*net.TCPConn).CloseRead() }})
	measure(entry{name: "net Conn.Close", prepare: dial, call: shut})

	var l net.Listener
	listen := func() { l = value(net.Listen("tcp", ":8080")) }
	unlisten := func() { must(l.Close()) }
	measure(entry{name: "net Listen tcp", call: listen, finish: unlisten})
	measure(entry{name: "net Listener.Close", prepare: listen, call: unlisten})
	listen()
	measure(entry{name: "net Listener.Accept", prepare: func() { value(net.Dial("tcp", caller)).Close() },
		call: func() { c = value(l.Accept()) }, finish: shut})
	measure(entry{name: "net TCPListener.AcceptTCP", prepare: func() { value(net.Dial("tcp", caller)).Close() },
		call: func() { c = value(l.(*net.TCPListener).AcceptTCP()) }, finish: shut})
	measure(entry{name: "net TCPListener.SetDeadline", call: func() { must(l.(*net.TCPListener).SetDeadline(time.Now().Add(time.Hour))) }})
	measure(entry{name: "net Listener.Addr, String", call: func() { _ = l.Addr().String() }})
	unlisten()
	measure(entry{name: "net ListenTCP", call: func() { l = value(net.ListenTCP("tcp", &net.TCPAddr{Port: 8080})) }, finish: unlisten})
	measure(entry{name: "net ListenConfig.Listen", call: func() { l = value(new(net.ListenConfig).Listen(context.Background(), "tcp", ":8080")) }, finish: unlisten})
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// datagrams measures net's UDP.
func datagrams() {
	var c net.Conn
	measure(entry{name: "net Dial udp", call: func() { c = value(net.Dial("udp", "host:"+echo)) }, finish: func() { must(c.Close()) }})
	var pc net.PacketConn
	listen := func() { pc = value(net.ListenPacket("udp", ":0")) }
	measure(entry{name: "net ListenPacket udp", call: listen, finish: func() { must(pc.Close()) }})
	listen()
	to := value(net.ResolveUDPAddr("udp", "host:"+echo))
	write := func() { value(pc.WriteTo(msg, to)) }
	read := func() {
		_, _, err := pc.ReadFrom(buf)
		must(err)
	}
	measure(entry{name: "net PacketConn.WriteTo", call: write, finish: read})
	measure(entry{name: "net PacketConn.ReadFrom", prepare: write, call: read})
	u := pc.(*net.UDPConn)
	toPort := to.AddrPort()
	measure(entry{name: "net UDPConn.WriteToUDP", call: func() { value(u.WriteToUDP(msg, to)) }, finish: read})
	measure(entry{name: "net UDPConn.WriteToUDPAddrPort", call: func() { value(u.WriteToUDPAddrPort(msg, toPort)) }, finish: read})
	measure(entry{name: "net UDPConn.ReadFromUDP", prepare: write, call: func() {
		_, _, err := u.ReadFromUDP(buf)
		must(err)
	}})
	measure(entry{name: "net UDPConn.ReadFromUDPAddrPort", prepare: write, call: func() {
		_, _, err := u.ReadFromUDPAddrPort(buf)
		must(err)
	}})
	measure(entry{name: "net UDPConn.ReadMsgUDP", prepare: write, call: func() {
		_, _, _, _, err := u.ReadMsgUDP(buf, nil)
		must(err)
	}})
	measure(entry{name: "net UDPConn.WriteMsgUDP", finish: read, call: func() {
		_, _, err := u.WriteMsgUDP(msg, nil, to)
		must(err)
	}})
	must(pc.Close())
	measure(entry{name: "net DialUDP", call: func() { c = value(net.DialUDP("udp", nil, to)) }, finish: func() { must(c.Close()) }})
	measure(entry{name: "net ListenUDP", call: func() { pc = value(net.ListenUDP("udp", nil)) }, finish: func() { must(pc.Close()) }})
	group := &net.UDPAddr{IP: net.IPv4(224, 0, 0, 251), Port: 50353}
	measure(entry{name: "net ListenMulticastUDP", call: func() { pc = value(net.ListenMulticastUDP("udp4", nil, group)) }, finish: func() { must(pc.Close()) }})
}

// rest measures what of net has little to do with the device.
func rest() {
	measure(entry{name: "net LookupHost", call: func() { value(net.LookupHost("host")) }})
	measure(entry{name: "net ResolveTCPAddr", call: func() { value(net.ResolveTCPAddr("tcp", "host:80")) }})
	measure(entry{name: "net LookupIP", call: func() { value(net.LookupIP("host")) }})
	measure(entry{name: "net LookupPort", call: func() { value(net.LookupPort("tcp", "http")) }})
	measure(entry{name: "net Resolver.LookupNetIP", call: func() { value(net.DefaultResolver.LookupNetIP(context.Background(), "ip4", "host")) }})
	measure(entry{name: "net ResolveUDPAddr", call: func() { value(net.ResolveUDPAddr("udp", "host:80")) }})
	measure(entry{name: "net Interfaces", call: func() { value(net.Interfaces()) }})
	measure(entry{name: "net InterfaceAddrs", call: func() { value(net.InterfaceAddrs()) }})
	measure(entry{name: "net ParseIP, IP.String", call: func() { _ = net.ParseIP("2001:db8::1").String() }})
	measure(entry{name: "net ParseCIDR", call: func() {
		_, n, err := net.ParseCIDR("192.0.2.0/24")
		must(err)
		_ = n.String()
	}})
	measure(entry{name: "net ParseMAC", call: func() { _ = value(net.ParseMAC("02:00:5e:10:00:01")).String() }})
	measure(entry{name: "net SplitHostPort, JoinHostPort", call: func() {
		host, port, err := net.SplitHostPort("host:80")
		must(err)
		_ = net.JoinHostPort(host, port)
	}})
	measure(entry{name: "net Dial on the loopback", call: func() {
		l := value(net.Listen("tcp", "127.0.0.1:0"))
		value(net.Dial("tcp", l.Addr().String())).Close()
		value(l.Accept()).Close()
		must(l.Close())
	}})
	a, b := net.Pipe()
	go func() {
		for {
			b.Write(msg)
		}
	}()
	measure(entry{name: "net Pipe, Read", call: func() { value(a.Read(buf)) }})
}

// lookups measures the DNS client, with names in records, a search and an alias.
func lookups() {
	netdev.UseDNS()
	r := &net.Resolver{Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return net.Dial("tcp", "10.0.0.1:"+dns) // a server is known by its address
	}}
	ctx := context.Background()
	const name = "a.example."
	measure(entry{name: "net Resolver.LookupHost by DNS", call: func() { value(r.LookupHost(ctx, name)) }})
	measure(entry{name: "net Resolver.LookupCNAME", call: func() { value(r.LookupCNAME(ctx, name)) }})
	measure(entry{name: "net Resolver.LookupMX", call: func() { value(r.LookupMX(ctx, name)) }})
	measure(entry{name: "net Resolver.LookupNS", call: func() { value(r.LookupNS(ctx, name)) }})
	measure(entry{name: "net Resolver.LookupTXT", call: func() { value(r.LookupTXT(ctx, name)) }})
	measure(entry{name: "net Resolver.LookupSRV", call: func() {
		_, _, err := r.LookupSRV(ctx, "http", "tcp", name)
		must(err)
	}})
	measure(entry{name: "net Resolver.LookupAddr", call: func() { value(r.LookupAddr(ctx, "192.0.2.1")) }})
}

// web measures TinyGo's net/http.
func web() {
	measure(entry{name: "net/http Get", call: func() {
		resp := value(http.Get("http://host:" + page + "/"))
		value(io.CopyBuffer(io.Discard, resp.Body, buf))
		must(resp.Body.Close())
	}})

	// The goroutine of a connection is not ours to start: its handler looks, and
	// leaves a little less room every time.
	l := value(net.Listen("tcp", ":8080"))
	served := make(chan int, 1)
	room := 0
	handler := func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/last" {
			served <- stack.Free()
			return
		}
		stack.Free()
		leave(room)
		room++
		io.WriteString(w, "a page\n")
	}
	// Serve does not return: its goroutine is looked at from the bus.
	calls <- nil
	<-left
	serving = true
	calls <- func() { http.Serve(l, http.HandlerFunc(handler)) }
	c := value(net.Dial("tcp", "host:"+call))
	value(c.Write([]byte("http\n")))
	free := <-served
	println("stack", stackSize-serve.Free(), "net/http Serve")
	println("stack", stackSize-free, "net/http goroutine of a server's connection")
}

//go:extern _stack_top
var stackTop [0]byte

// scheduler returns how much of its stack TinyGo's scheduler has used.
func scheduler() int {
	const size = 2048 // as in targets/emulated.ld
	top := uintptr(unsafe.Pointer(&stackTop))
	p := top - size
	for *(*uintptr)(unsafe.Pointer(p)) == 0 {
		p += 4
	}
	return int(top - p)
}
