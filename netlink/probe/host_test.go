//go:build tinynet_host && !tinygo

package probe

import (
	"testing"

	"tinynet/netlink"
)

// The host's network needs no joining: the program that joins one goes on.
func TestHostIsAlwaysUp(t *testing.T) {
	link, dev := Probe()
	var events []netlink.Event
	link.NetNotify(func(e netlink.Event) { events = append(events, e) })
	if err := link.NetConnect(&netlink.ConnectParams{Ssid: "any"}); err != nil {
		t.Error("NetConnect:", err)
	}
	link.NetDisconnect()
	if len(events) != 2 || events[0] != netlink.EventNetUp || events[1] != netlink.EventNetDown {
		t.Error("events:", events)
	}
	if addr, err := dev.Addr(); err != nil || !addr.IsValid() {
		t.Error("Addr:", addr, err)
	}
}
