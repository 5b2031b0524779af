package net

import (
	"errors"
	"fmt"
	stdnet "net"
	"net/netip"
	"testing"
)

func TestFlagsLikeGo(t *testing.T) {
	for f := range uint(256) {
		same(t, fmt.Sprintf("Flags(%d)", f), Flags(f).String(), stdnet.Flags(f).String())
	}
	same(t, "flags", fmt.Sprintf("%d", []Flags{FlagUp, FlagBroadcast, FlagLoopback, FlagPointToPoint, FlagMulticast, FlagRunning}),
		fmt.Sprintf("%d", []stdnet.Flags{stdnet.FlagUp, stdnet.FlagBroadcast, stdnet.FlagLoopback, stdnet.FlagPointToPoint, stdnet.FlagMulticast, stdnet.FlagRunning}))
}

func TestInterfaceErrorsLikeGo(t *testing.T) {
	for _, i := range []int{-1, 0, 1 << 30} {
		_, err := InterfaceByIndex(i)
		_, stdErr := stdnet.InterfaceByIndex(i)
		same(t, fmt.Sprintf("InterfaceByIndex(%d)", i), fmt.Sprint(err), fmt.Sprint(stdErr))
	}
	for _, name := range []string{"", "no-such-interface"} {
		_, err := InterfaceByName(name)
		_, stdErr := stdnet.InterfaceByName(name)
		same(t, fmt.Sprintf("InterfaceByName(%q)", name), fmt.Sprint(err), fmt.Sprint(stdErr))
	}
	_, err := (*Interface)(nil).Addrs()
	_, stdErr := (*stdnet.Interface)(nil).Addrs()
	same(t, "nil Addrs", fmt.Sprint(err), fmt.Sprint(stdErr))
	_, err = (*Interface)(nil).MulticastAddrs()
	_, stdErr = (*stdnet.Interface)(nil).MulticastAddrs()
	same(t, "nil MulticastAddrs", fmt.Sprint(err), fmt.Sprint(stdErr))
}

// addrDevice is a device that has, or has not yet, an address.
type addrDevice struct {
	netdever
	addr netip.Addr
	err  error
}

func (d addrDevice) Addr() (netip.Addr, error) { return d.addr, d.err }

func (d addrDevice) GetHardwareAddr() (HardwareAddr, error) {
	return HardwareAddr{0, 0, 0x5e, 0, 0x53, 1}, nil
}

// setDevice sets the device for one test.
func setDevice(t *testing.T, dev any) {
	before := tinynetDevice
	t.Cleanup(func() { tinynetDevice = before })
	tinynetDevice = dev
}

func TestInterfaces(t *testing.T) {
	const loopback = "1 lo 65536  up|loopback|running [127.0.0.1/8 ::1/128]"
	for _, c := range []struct {
		name string
		dev  any
		want []string
	}{
		{"no device", nil, []string{loopback}},
		{"no address yet", addrDevice{err: errors.New("link is down")},
			[]string{loopback, "2 net0 1500 00:00:5e:00:53:01 broadcast|multicast []"}},
		{"unspecified address", addrDevice{addr: netip.IPv4Unspecified()},
			[]string{loopback, "2 net0 1500 00:00:5e:00:53:01 broadcast|multicast []"}},
		{"IPv4", addrDevice{addr: netip.MustParseAddr("10.0.0.2")},
			[]string{loopback, "2 net0 1500 00:00:5e:00:53:01 up|broadcast|multicast|running [10.0.0.2/32]"}},
		{"IPv4 in IPv6", addrDevice{addr: netip.MustParseAddr("::ffff:10.0.0.2")},
			[]string{loopback, "2 net0 1500 00:00:5e:00:53:01 up|broadcast|multicast|running [10.0.0.2/32]"}},
		{"IPv6", addrDevice{addr: netip.MustParseAddr("2001:db8::2")},
			[]string{loopback, "2 net0 1500 00:00:5e:00:53:01 up|broadcast|multicast|running [2001:db8::2/128]"}},
		{"no hardware address", struct{ netdever }{addrDevice{addr: netip.MustParseAddr("10.0.0.2")}},
			[]string{loopback, "2 net0 1500  up|broadcast|multicast|running [10.0.0.2/32]"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			setDevice(t, c.dev)
			all, err := Interfaces()
			if err != nil {
				t.Fatal(err)
			}
			var addrs []Addr
			var got []string
			for _, ifi := range all {
				own, err := ifi.Addrs()
				if err != nil {
					t.Error(err)
				}
				addrs = append(addrs, own...)
				got = append(got, fmt.Sprintf("%d %s %d %v %v %v", ifi.Index, ifi.Name, ifi.MTU, ifi.HardwareAddr, ifi.Flags, own))

				byName, err := InterfaceByName(ifi.Name)
				same(t, "InterfaceByName", show(byName, err), show(&ifi, nil))
				byIndex, err := InterfaceByIndex(ifi.Index)
				same(t, "InterfaceByIndex", show(byIndex, err), show(&ifi, nil))
			}
			if fmt.Sprint(got) != fmt.Sprint(c.want) {
				t.Errorf("interfaces\n  %q\nwant\n  %q", got, c.want)
			}
			every, err := InterfaceAddrs()
			same(t, "InterfaceAddrs", fmt.Sprint(every, err), fmt.Sprint(addrs, nil))
		})
	}
}
