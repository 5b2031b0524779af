package netdevtest

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tinynet/espat"
	"tinynet/netdev"
	modem "tinynet/sim/espat"
	"tinynet/sim/network"
)

var (
	espatSeeds = flag.Int("espat.seeds", 24, "how many seeds of random use TestESPATRandomUse tries")
	espatSeed  = flag.Uint64("espat.seed", 0, "the first of them")
)

// Random use by clients, a server and a datagram socket, on each firmware, in both
// modes and at several speeds, while peers reset, the link comes and goes and the module
// restarts: what arrives is a prefix of what was sent, all of it unless an error said so;
// no call outlives its deadline by more than a second; and afterwards all links are there.
func TestESPATRandomUse(t *testing.T) {
	for seed := *espatSeed; seed < *espatSeed+uint64(*espatSeeds); seed++ {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { espatRandomly(t, seed) })
		})
	}
}

func espatRandomly(t *testing.T, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 0))
	versions := modem.Versions()
	version := versions[seed%uint64(len(versions))]
	active := r.IntN(4) == 0
	b := watchedESPAT(t, network.VirtualConfig{RTT: time.Duration(r.IntN(20)) * time.Millisecond, Seed: seed},
		modem.Config{Version: version, Seed: seed}, func(c *espat.Config) {
			c.Active, c.FlowControl, c.Buffer = active, active || r.IntN(2) == 0, 16<<10
			c.MaxBaud = []uint32{0, 921600, 2000000}[r.IntN(3)]
		})
	defer b.close()
	u := &user{t: t, dev: b.dev, to: netip.AddrPortFrom(network.HostAddr, 7000), seed: seed}
	l, err := b.net.Host().Listen(7000)
	check(t, err)
	echo := make(chan struct{})
	go func() {
		defer close(echo)
		u.echo(l)
	}()
	defer func() { l.Close(); <-echo }()

	stop := make(chan struct{})
	ended := func() bool {
		select {
		case <-stop:
			return true
		default:
			return false
		}
	}
	var users, others sync.WaitGroup
	for g := range uint64(3) {
		users.Go(func() {
			r := rand.New(rand.NewPCG(seed, 1+g))
			for range 12 {
				for _, err := b.dev.Addr(); err != nil; _, err = b.dev.Addr() {
					time.Sleep(100 * time.Millisecond)
				}
				u.once(r)
			}
		})
	}
	served, datagrams := 0, 0
	others.Go(func() { u.serve(ended) })
	others.Go(func() {
		r := rand.New(rand.NewPCG(seed, 20))
		for !ended() {
			served += u.visit(b, r)
			time.Sleep(time.Duration(r.IntN(2000)) * time.Millisecond)
		}
	})
	others.Go(func() {
		r := rand.New(rand.NewPCG(seed, 21))
		for !ended() {
			datagrams += u.datagrams(b, r)
			time.Sleep(time.Duration(r.IntN(1000)) * time.Millisecond)
		}
	})
	if seed/uint64(len(versions))%2 == 1 { // the first of each are undisturbed
		others.Go(func() {
			r := rand.New(rand.NewPCG(seed, 22))
			for !ended() {
				time.Sleep(time.Duration(10+r.IntN(20)) * time.Second)
				switch r.IntN(3) {
				case 0:
					b.chip.Restart()
				default:
					b.chip.DropLink()
					time.Sleep(time.Duration(r.IntN(3000)) * time.Millisecond)
					b.chip.RestoreLink()
				}
			}
		})
	}
	users.Wait()
	close(stop)
	others.Wait()
	if u.done < 5 {
		t.Errorf("%d of 36 connections carried all they had to", u.done)
	}
	if served == 0 || datagrams == 0 {
		t.Errorf("%d clients were served, %d datagrams came back", served, datagrams)
	}
	// All links are there again, once the device knows what became of the module.
	recovered(t, b.setup(), time.Minute)
	var all []net.Conn
	for i := range 5 {
		c, err := Dial(b.dev, u.to)
		if err != nil {
			t.Fatalf("%s: link %d of 5 after all: %v", version, i, err)
		}
		all = append(all, c)
	}
	for _, c := range all {
		check(t, c.Close())
	}
}

// serve is a server of the device's that echoes, and is opened anew whenever it fails.
func (u *user) serve(ended func() bool) {
	var serving sync.WaitGroup
	defer serving.Wait()
	for !ended() {
		fd, err := u.dev.Socket(netdev.AF_INET, netdev.SOCK_STREAM, netdev.IPPROTO_TCP)
		if err != nil {
			time.Sleep(200 * time.Millisecond)
			continue
		}
		if u.dev.Bind(fd, netip.AddrPortFrom(netip.IPv4Unspecified(), 80)) == nil && u.dev.Listen(fd, 2) == nil {
			for !ended() {
				var in int
				err := u.timed("Accept", 3*time.Second, func(deadline time.Time) (err error) {
					u.dev.SetReadDeadline(fd, deadline)
					in, _, err = u.dev.Accept(fd)
					return err
				})
				if errors.Is(err, netdev.ErrTimeout) {
					continue
				}
				if err != nil {
					break
				}
				serving.Go(func() {
					defer u.dev.Close(in)
					buf := make([]byte, 1500)
					for {
						n, err := u.dev.Recv(in, buf, 0, time.Now().Add(20*time.Second))
						if n > 0 {
							if _, err := u.dev.Send(in, buf[:n], 0, time.Now().Add(20*time.Second)); err != nil {
								return
							}
						}
						if err != nil {
							return
						}
					}
				})
			}
		}
		u.dev.Close(fd)
		time.Sleep(100 * time.Millisecond)
	}
}

// visit is a client of the device's server; it returns 1 if it got back all it sent.
func (u *user) visit(b *espatBoard, r *rand.Rand) int {
	ip, err := b.dev.Addr()
	if err != nil {
		return 0
	}
	c, err := b.net.Host().Dial(u.t.Context(), netip.AddrPortFrom(ip, 80))
	if err != nil {
		return 0
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(20 * time.Second))
	want := payload(r.Uint64(), 1+r.IntN(5000))
	go c.Write(want)
	got := make([]byte, len(want))
	n, err := io.ReadFull(c, got)
	if string(got[:n]) != string(want[:n]) {
		u.t.Errorf("seed %d: a client got back something else", u.seed)
	}
	if err != nil {
		return 0
	}
	return 1
}

// datagrams sends some and counts those that come back; each that does is one of them.
func (u *user) datagrams(b *espatBoard, r *rand.Rand) (back int) {
	fd, err := b.dev.Socket(netdev.AF_INET, netdev.SOCK_DGRAM, netdev.IPPROTO_UDP)
	if err != nil {
		return 0
	}
	defer b.dev.Close(fd)
	if b.dev.Bind(fd, netip.AddrPortFrom(netip.IPv4Unspecified(), 5000)) != nil {
		return 0
	}
	p, err := b.net.Host().ListenPacket(uint16(6000 + r.IntN(100)))
	if err != nil {
		return 0
	}
	defer p.Close()
	buf := make([]byte, 1500)
	for range 1 + r.IntN(4) {
		want := payload(r.Uint64(), 1+r.IntN(1472))
		err := u.timed("SendTo", 4*time.Second, func(deadline time.Time) error {
			_, err := b.dev.SendTo(fd, want, 0, netip.AddrPortFrom(network.HostAddr, uint16(p.LocalAddr().(*net.UDPAddr).Port)), deadline)
			return err
		})
		if err != nil {
			return back
		}
		p.SetReadDeadline(time.Now().Add(3 * time.Second))
		n, from, err := p.ReadFrom(buf)
		if err != nil {
			continue
		}
		if string(buf[:n]) != string(want) {
			u.t.Errorf("seed %d: the peer got another datagram, of %d bytes instead of %d", u.seed, n, len(want))
		}
		p.WriteTo(want, from)
		err = u.timed("RecvFrom", 3*time.Second, func(deadline time.Time) (err error) {
			n, _, err = b.dev.RecvFrom(fd, buf, 0, deadline)
			return err
		})
		if err != nil {
			continue
		}
		if string(buf[:n]) != string(want) {
			u.t.Errorf("seed %d: another datagram came back, of %d bytes instead of %d", u.seed, n, len(want))
		}
		back++
	}
	return back
}
