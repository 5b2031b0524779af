//go:build linux

package net

import (
	"errors"
	"slices"
	"testing"
	"time"

	"tinynet/hostnet"
)

// groupsOfLoopback returns the groups that sockets of this machine have joined on
// its loopback interface, where they are nobody else's affair.
func groupsOfLoopback(t *testing.T) (lo *Interface, groups []string) {
	t.Helper()
	lo, err := InterfaceByName("lo")
	if err != nil {
		t.Skip(err)
	}
	all, err := lo.MulticastAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range all {
		groups = append(groups, a.String())
	}
	return lo, groups
}

func TestListenMulticastUDP(t *testing.T) {
	use(t, &hostnet.Device{})
	for _, c := range []struct{ network, group, from string }{
		{"udp4", "224.0.0.254", "127.0.0.1:0"},
		{"udp", "224.0.0.254", "127.0.0.1:0"},
		{"udp6", "ff01::114", "[::1]:0"},
	} {
		lo, before := groupsOfLoopback(t)
		if slices.Contains(before, c.group) {
			t.Skipf("somebody has joined %s", c.group)
		}
		l, err := ListenMulticastUDP(c.network, lo, &UDPAddr{IP: ParseIP(c.group)})
		if err != nil {
			t.Fatalf("%s %s: %v", c.network, c.group, err)
		}
		defer l.Close()
		port := l.LocalAddr().(*UDPAddr).Port
		if _, now := groupsOfLoopback(t); !slices.Contains(now, c.group) {
			t.Errorf("%s: joined are %v", c.group, now)
		}
		// Others may listen there too.
		second, err := ListenMulticastUDP(c.network, lo, &UDPAddr{IP: ParseIP(c.group), Port: port})
		if err != nil {
			t.Errorf("%s: the second: %v", c.group, err)
		} else {
			second.Close()
		}
		sender, err := ListenPacket("udp", c.from)
		if err != nil {
			t.Fatal(err)
		}
		defer sender.Close()
		to := *sender.LocalAddr().(*UDPAddr)
		to.Port = port
		sender.WriteTo([]byte("hello"), &to)
		b := make([]byte, 10)
		l.SetReadDeadline(time.Now().Add(10 * time.Second))
		if n, from, err := l.ReadFrom(b); string(b[:n]) != "hello" || err != nil || from.String() != sender.LocalAddr().String() {
			t.Errorf("%s: received %q from %v, %v", c.group, b[:n], from, err)
		}
		l.Close()
		if _, now := groupsOfLoopback(t); slices.Contains(now, c.group) {
			t.Errorf("%s: joined are %v after Close", c.group, now)
		}
	}
}

func TestListenMulticastUDPErrors(t *testing.T) {
	d := newFaulty(func(int) bool { return false })
	use(t, d)
	group := &UDPAddr{IP: IPv4(224, 0, 0, 254)}
	for _, c := range []struct {
		network string
		addr    *UDPAddr
		want    error
	}{
		{"tcp", group, UnknownNetworkError("tcp")},
		{"udp", nil, errMissingAddress},
		{"udp", &UDPAddr{}, errMissingAddress},
		{"udp", &UDPAddr{IP: IPv4(127, 0, 0, 1)}, nil},
		{"udp6", group, nil},
	} {
		l, err := ListenMulticastUDP(c.network, nil, c.addr)
		if err == nil {
			l.Close()
		}
		if _, ok := err.(*OpError); !ok || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s %v: error %v, want %v", c.network, c.addr, err, c.want)
		}
	}
	// An interface that is not there.
	if _, err := ListenMulticastUDP("udp", &Interface{Index: 1 << 20}, group); err == nil {
		t.Error("an interface that is not there: no error")
	}
	if states := d.open(); len(states) != 0 {
		t.Errorf("open are %v", states)
	}
}
