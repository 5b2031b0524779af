//go:build linux || darwin

package net

import (
	"context"
	"errors"
	"fmt"
	"maps"
	gonet "net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"tinynet/hostnet"
)

// faulty is hostnet with one call in every some failing before it has any
// effect, or, for Close, after it. It counts sockets by their state.
type faulty struct {
	*hostnet.Device

	mu     sync.Mutex
	fails  func(call int) bool // whether the call of that number, from 1, fails
	calls  int
	failed []string       // names of the calls that did
	states map[int]string // of the sockets that are open
}

var errFaulty = errors.New("faulty: told to fail")

func newFaulty(fails func(call int) bool) *faulty {
	return &faulty{Device: &hostnet.Device{}, fails: fails, states: make(map[int]string)}
}

// call counts a call and returns the error that it is to give, if any.
func (d *faulty) call(name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.calls++
	if !d.fails(d.calls) {
		return nil
	}
	d.failed = append(d.failed, name)
	return errFaulty
}

func (d *faulty) set(fd int, state string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if state == "" {
		delete(d.states, fd)
	} else {
		d.states[fd] = state
	}
}

// open returns how many sockets are open in each state. A socket is freed by the
// last call that leaves it, which may be a moment after Close.
func (d *faulty) open() map[string]int {
	for try := 0; ; try++ {
		d.mu.Lock()
		states := make(map[string]int)
		for _, state := range d.states {
			states[state]++
		}
		d.mu.Unlock()
		if len(states) == 0 || try == 2000 {
			return states
		}
		time.Sleep(time.Millisecond)
	}
}

// to makes a call that moves a socket to a state.
func (d *faulty) to(state, name string, fd int, call func() error) error {
	err := d.call(name)
	if err == nil {
		if err = call(); err == nil {
			d.set(fd, state)
		}
	}
	return err
}

func (d *faulty) Socket(domain, stype, protocol int) (fd int, err error) {
	if err = d.call("Socket"); err == nil {
		if fd, err = d.Device.Socket(domain, stype, protocol); err == nil {
			d.set(fd, "new")
			return fd, nil
		}
	}
	return -1, err
}

func (d *faulty) Bind(fd int, ip netip.AddrPort) error {
	return d.to("bound", "Bind", fd, func() error { return d.Device.Bind(fd, ip) })
}

func (d *faulty) BindUnix(fd int, path string) error {
	return d.to("bound", "BindUnix", fd, func() error { return d.Device.BindUnix(fd, path) })
}

func (d *faulty) Connect(fd int, host string, ip netip.AddrPort) error {
	return d.to("connected", "Connect", fd, func() error { return d.Device.Connect(fd, host, ip) })
}

func (d *faulty) ConnectUnix(fd int, path string) error {
	return d.to("connected", "ConnectUnix", fd, func() error { return d.Device.ConnectUnix(fd, path) })
}

func (d *faulty) Listen(fd, backlog int) error {
	return d.to("listening", "Listen", fd, func() error { return d.Device.Listen(fd, backlog) })
}

func (d *faulty) Accept(fd int) (conn int, from netip.AddrPort, err error) {
	if err = d.call("Accept"); err == nil {
		if conn, from, err = d.Device.Accept(fd); err == nil {
			d.set(conn, "accepted")
			return conn, from, nil
		}
	}
	return -1, from, err
}

func (d *faulty) AcceptUnix(fd int) (conn int, from string, err error) {
	if err = d.call("AcceptUnix"); err == nil {
		if conn, from, err = d.Device.AcceptUnix(fd); err == nil {
			d.set(conn, "accepted")
			return conn, from, nil
		}
	}
	return -1, from, err
}

func (d *faulty) Close(fd int) error {
	failure := d.call("Close")
	err := d.Device.Close(fd)
	if err == nil {
		d.set(fd, "")
		err = failure
	}
	return err
}

func (d *faulty) SetSockOpt(fd, level, opt int, value interface{}) error {
	if err := d.call("SetSockOpt"); err != nil {
		return err
	}
	return d.Device.SetSockOpt(fd, level, opt, value)
}

func (d *faulty) LocalAddr(fd int) (netip.AddrPort, error) {
	if err := d.call("LocalAddr"); err != nil {
		return netip.AddrPort{}, err
	}
	return d.Device.LocalAddr(fd)
}

func (d *faulty) SetReadDeadline(fd int, t time.Time) error {
	if err := d.call("SetReadDeadline"); err != nil {
		d.Device.SetReadDeadline(fd, t)
		return err
	}
	return d.Device.SetReadDeadline(fd, t)
}

func (d *faulty) SetWriteDeadline(fd int, t time.Time) error {
	if err := d.call("SetWriteDeadline"); err != nil {
		d.Device.SetWriteDeadline(fd, t)
		return err
	}
	return d.Device.SetWriteDeadline(fd, t)
}

func (d *faulty) LookupHost(network, name string, deadline time.Time) ([]netip.Addr, error) {
	if err := d.call("LookupHost"); err != nil {
		return nil, err
	}
	return d.Device.LookupHost(network, name, deadline)
}

// faultyPlain is faulty cut down to the methods of a plain device, besides that
// it has a loopback.
type faultyPlain struct {
	netdever
	loopbacker
}

// faultyOps are operations that open sockets. Each closes what it got, and
// returns the first error.
func faultyOps(t *testing.T) map[string]func() error {
	peer, err := gonet.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { peer.Close() })
	go func() {
		for {
			c, err := peer.Accept()
			if err != nil {
				return
			}
			c.Close()
		}
	}()
	_, port, _ := SplitHostPort(peer.Addr().String())
	path := filepath.Join(t.TempDir(), "s")
	closed := func(c interface{ Close() error }, err error) error {
		if err != nil {
			return err
		}
		return c.Close()
	}
	accepting := func(network, address string, dial func(Addr) (gonet.Conn, error)) func() error {
		return func() error {
			l, err := Listen(network, address)
			if err != nil {
				return err
			}
			defer l.Close()
			if d, ok := l.(interface{ SetDeadline(time.Time) error }); ok {
				d.SetDeadline(time.Now().Add(10 * time.Second))
			}
			client, err := dial(l.Addr())
			if err != nil {
				return fmt.Errorf("the client: %w", err)
			}
			defer client.Close()
			c, err := l.Accept()
			return closed(c, err)
		}
	}
	overTCP := func(a Addr) (gonet.Conn, error) {
		_, port, _ := SplitHostPort(a.String())
		return gonet.Dial("tcp4", "127.0.0.1:"+port)
	}
	overUnix := func(a Addr) (gonet.Conn, error) { return gonet.Dial("unix", path) }
	control := func(network, address string, c syscall.RawConn) error { return nil }
	return map[string]func() error{
		"Dial": func() error { return closed(Dial("tcp", peer.Addr().String())) },
		// Its IPv6 address refuses.
		"Dial of a name": func() error { return closed(Dial("tcp", "localhost:"+port)) },
		"DialTimeout":    func() error { return closed(DialTimeout("tcp", peer.Addr().String(), 10*time.Second)) },
		"Dialer": func() error {
			d := Dialer{LocalAddr: &TCPAddr{IP: IPv4(127, 0, 0, 1)}, Control: control, KeepAlive: time.Second}
			return closed(d.DialContext(context.Background(), "tcp4", peer.Addr().String()))
		},
		"Dial of UDP":   func() error { return closed(Dial("udp", "127.0.0.1:9")) },
		"Listen":        func() error { return closed(Listen("tcp", "127.0.0.1:0")) },
		"Listen on all": func() error { return closed(Listen("tcp", ":0")) },
		"ListenConfig": func() error {
			return closed((&ListenConfig{Control: control}).Listen(context.Background(), "tcp", "localhost:0"))
		},
		"ListenPacket":      func() error { return closed(ListenPacket("udp", ":0")) },
		"Accept":            accepting("tcp", "127.0.0.1:0", overTCP),
		"Accept on all":     accepting("tcp", ":0", overTCP),
		"Accept of IPv4":    accepting("tcp4", ":0", overTCP),
		"Listen on Unix":    func() error { defer os.Remove(path); return closed(Listen("unix", path)) },
		"Accept on Unix":    func() error { defer os.Remove(path); return accepting("unix", path, overUnix)() },
		"datagrams on Unix": func() error { defer os.Remove(path); return closed(ListenPacket("unixgram", path)) },
		"DialUnix to nowhere": func() error {
			if c, err := DialUnix("unix", nil, &UnixAddr{Net: "unix"}); !errors.Is(err, errMissingAddress) {
				return closed(c, err)
			}
			return nil
		},
		"Dial on Unix": func() error {
			l, err := gonet.Listen("unix", path)
			if err != nil {
				return err
			}
			defer l.Close()
			return closed(Dial("unix", path))
		},
	}
}

// Whichever call of the device fails, no socket and no port is left behind.
func TestNoSocketIsLeftOpen(t *testing.T) {
	for _, plain := range []bool{false, true} {
		for name, op := range faultyOps(t) {
			nth := 1
			for again := true; again; nth++ {
				d := newFaulty(func(call int) bool { return call == nth })
				if plain {
					use(t, faultyPlain{d, d})
				} else {
					use(t, d)
				}
				before := countBindings()
				err := op()
				again = len(d.failed) > 0
				if states := d.open(); len(states) > 0 {
					t.Errorf("%s, plain %v: call %d, %v, failed (the error is %v), and open are %v", name, plain, nth, d.failed, err, states)
				}
				if n := countBindings() - before; n != 0 {
					t.Errorf("%s, plain %v: call %d, %v, failed (the error is %v), and %d ports are taken", name, plain, nth, d.failed, err, n)
				}
				unsupported := plain && errors.Is(err, errors.ErrUnsupported)
				if !again && err != nil && !unsupported {
					t.Errorf("%s, plain %v: no call failed, and the error is %v", name, plain, err)
				}
				if nth > 100 {
					t.Fatalf("%s makes %d calls", name, d.calls)
				}
			}
			if nth < 3 && !plain {
				t.Errorf("%s: only %d calls were counted", name, nth-1)
			}
		}
	}
}

// The same with one call in seven failing, while many are at it.
func TestNoSocketIsLeftOpenByMany(t *testing.T) {
	d := newFaulty(func(call int) bool { return call%7 == 0 })
	use(t, d)
	before := countBindings()
	ops := faultyOps(t)
	maps.DeleteFunc(ops, func(name string, _ func() error) bool { return strings.Contains(name, "Unix") }) // they share a path
	var wg sync.WaitGroup
	for range 4 {
		for _, op := range ops {
			wg.Add(1)
			go func() {
				defer wg.Done()
				for range 25 {
					op()
				}
			}()
		}
	}
	wg.Wait()
	if states := d.open(); len(states) > 0 {
		t.Errorf("after %d calls, of which %d failed, open are %v", d.calls, len(d.failed), states)
	}
	if n := countBindings() - before; n != 0 {
		t.Errorf("%d ports are taken", n)
	}
	if len(d.failed) < 100 {
		t.Errorf("only %d of %d calls failed", len(d.failed), d.calls)
	}
}
