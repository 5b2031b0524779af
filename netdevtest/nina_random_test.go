package netdevtest

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tinynet/netdev"
	"tinynet/netlink"
	"tinynet/sim/network"
	"tinynet/sim/nina"
)

var (
	randomSeeds = flag.Int("nina.seeds", 12, "how many seeds of random use TestNINARandomUse tries")
	randomSeed  = flag.Uint64("nina.seed", 0, "the first of them")
)

// Random use by eight goroutines, on all kinds of firmware, while peers reset
// and the link comes and goes: what arrives is a prefix of what was sent, all of it
// unless an error said so; no call outlives its deadline by more than a second; and
// afterwards all sockets are there.
func TestNINARandomUse(t *testing.T) {
	for seed := *randomSeed; seed < *randomSeed+uint64(*randomSeeds); seed++ {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { randomUse(t, seed) })
		})
	}
}

func randomUse(t *testing.T, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 0))
	firmware := []string{nina.Arduino20, nina.Arduino20, nina.Adafruit33, nina.Arduino14, nina.Arduino15, nina.Arduino30}[seed%6]
	sockets := 10
	if firmware == nina.Adafruit33 {
		sockets = 6
	}
	b := newNINA(network.VirtualConfig{RTT: time.Duration(r.IntN(20)) * time.Millisecond, Seed: seed}, nina.Config{Seed: seed, Firmware: firmware})
	defer b.close()
	check(t, b.dev.NetConnect(&netlink.ConnectParams{Ssid: "tinynet", Passphrase: "tinynet-pass", WatchdogTimeout: time.Second}))
	u := &user{t: t, dev: b.dev, to: netip.AddrPortFrom(b.net.Host().Addr(), 7000), seed: seed}
	l, err := b.net.Host().Listen(7000)
	check(t, err)
	echo := make(chan struct{})
	go func() {
		defer close(echo)
		u.echo(l)
	}()

	var users sync.WaitGroup
	for g := range uint64(8) {
		users.Add(1)
		go func() {
			defer users.Done()
			r := rand.New(rand.NewPCG(seed, 1+g))
			for range 12 {
				u.once(r)
			}
		}()
	}
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		if seed/6%2 == 0 {
			return // undisturbed
		}
		for {
			select {
			case <-stop:
				b.chip.RestoreLink()
				return
			case <-time.After(time.Duration(1000+r.IntN(4000)) * time.Millisecond):
			}
			b.chip.DropLink()
			time.Sleep(time.Duration(r.IntN(3000)) * time.Millisecond)
			b.chip.RestoreLink()
		}
	}()
	users.Wait()
	close(stop)
	<-stopped
	if u.done < 10 {
		t.Errorf("%d of 96 connections carried all they had to", u.done)
	}
	// All sockets are there again, once the device knows what became of the link.
	time.Sleep(time.Second)
	for start := time.Now(); ; time.Sleep(100 * time.Millisecond) {
		if _, err := b.dev.Addr(); err == nil {
			break
		}
		if time.Since(start) > time.Minute {
			t.Fatal("the link is not restored")
		}
	}
	var all []net.Conn
	for i := range sockets {
		c, err := Dial(b.dev, netip.AddrPortFrom(b.net.Host().Addr(), 7000))
		if err != nil {
			t.Fatalf("%s: socket %d of %d after all: %v", firmware, i, sockets, err)
		}
		all = append(all, c)
	}
	for _, c := range all {
		check(t, c.Close())
	}
	l.Close()
	<-echo
}

// user is what random users share.
type user struct {
	t   *testing.T
	dev interface {
		netdev.Netdever
		netdev.Deadliner
	}
	to   netip.AddrPort // the echo
	seed uint64

	mu   sync.Mutex
	done int // connections that carried all they had to
}

// echo serves connections of the device, now and then badly.
func (u *user) echo(l net.Listener) {
	var serving sync.WaitGroup
	defer serving.Wait()
	for n := uint64(0); ; n++ {
		c, err := l.Accept()
		if err != nil {
			return
		}
		serving.Add(1)
		go func() {
			defer serving.Done()
			defer c.Close()
			r := rand.New(rand.NewPCG(u.seed, 100+n))
			buf := make([]byte, 1+r.IntN(3000))
			for {
				c.SetDeadline(time.Now().Add(30 * time.Second))
				k, err := c.Read(buf)
				if k > 0 {
					if _, err := c.Write(buf[:k]); err != nil {
						return
					}
				}
				switch {
				case err != nil:
					return
				case r.IntN(40) == 0:
					c.(interface{ Reset() error }).Reset()
					return
				case r.IntN(10) == 0:
					time.Sleep(time.Duration(r.IntN(300)) * time.Millisecond)
				}
			}
		}()
	}
}

// timed runs an operation that has to end with its deadline.
func (u *user) timed(what string, limit time.Duration, f func(deadline time.Time) error) error {
	start := time.Now()
	err := f(start.Add(limit))
	if d := time.Since(start); d > limit+time.Second {
		u.t.Errorf("seed %d: %s took %v, its deadline was after %v (%v)", u.seed, what, d, limit, err)
	}
	return err
}

// once opens a socket, sends and receives, and closes it.
func (u *user) once(r *rand.Rand) {
	dev := u.dev
	time.Sleep(time.Duration(r.IntN(50)) * time.Millisecond)
	fd, err := dev.Socket(netdev.AF_INET, netdev.SOCK_STREAM, netdev.IPPROTO_TCP)
	if err != nil {
		if !errors.Is(err, netdev.ErrLinkDown) && !errors.Is(err, netdev.ErrNoMoreSockets) && !errors.Is(err, netdev.ErrDevice) {
			u.t.Errorf("seed %d: Socket: %v", u.seed, err)
		}
		time.Sleep(100 * time.Millisecond)
		return
	}
	defer func() {
		if err := dev.Close(fd); err != nil && !errors.Is(err, netdev.ErrDevice) {
			u.t.Errorf("seed %d: Close: %v", u.seed, err)
		}
	}()
	err = u.timed("Connect", 3*time.Second, func(deadline time.Time) error {
		dev.SetWriteDeadline(fd, deadline)
		return dev.Connect(fd, "", u.to)
	})
	if err != nil {
		return
	}
	dev.SetWriteDeadline(fd, time.Time{})
	want := make([]byte, 1+r.IntN(20000))
	for i := range want {
		want[i] = byte(r.Uint32())
	}
	sent := make(chan int)
	go func() {
		n := 0
		u.timed("Send", 5*time.Second, func(deadline time.Time) (err error) {
			n, err = dev.Send(fd, want, 0, deadline)
			return err
		})
		sent <- n
	}()
	var got []byte
	buf := make([]byte, 2000)
	for len(got) < len(want) {
		n := 0
		err = u.timed("Recv", 4*time.Second, func(deadline time.Time) (err error) {
			n, err = dev.Recv(fd, buf[:1+r.IntN(len(buf))], 0, deadline)
			return err
		})
		if err != nil {
			break
		}
		got = append(got, buf[:n]...)
	}
	n := <-sent
	if !bytes.HasPrefix(want, got) {
		u.t.Errorf("seed %d: %d bytes came back that are not the beginning of the %d sent", u.seed, len(got), len(want))
	}
	if len(got) < len(want) && err == nil {
		u.t.Errorf("seed %d: %d of %d bytes came back, without an error", u.seed, len(got), n)
	}
	if len(got) == len(want) {
		u.mu.Lock()
		u.done++
		u.mu.Unlock()
	}
	if r.IntN(3) == 0 {
		time.Sleep(time.Duration(r.IntN(200)) * time.Millisecond)
	}
}
