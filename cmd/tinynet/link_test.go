package main

import (
	"net/netip"
	"slices"
	"testing"

	"tinynet/sim/board"
)

func TestLinkLinesAreSaidOnce(t *testing.T) {
	ended := 0
	w := &linkWatch{inRange: []string{"home"}, hopeless: func(string) { ended++ }}
	joining := board.LinkEvent{State: board.LinkJoining, SSID: "foo"}
	missing := board.LinkEvent{State: board.LinkNoAccessPoint, SSID: "foo"}
	joined := board.LinkEvent{State: board.LinkJoined, SSID: "home", IP: netip.MustParseAddr("10.0.0.2")}

	said := func(events ...board.LinkEvent) (lines []string) {
		for _, e := range events {
			if line := w.line(e); line != "" {
				lines = append(lines, line)
			}
		}
		return lines
	}
	first := []string{`joining "foo"`, `no access point is called "foo": the one in range is "home"`}
	if got := said(joining, missing, joining, missing, joining, missing); !slices.Equal(got, first) {
		t.Errorf("said %q, want %q", got, first)
	}
	if got := said(joined, joining, missing); len(got) != 3 {
		t.Errorf("after a success: %q, want three lines", got)
	}
	if ended != 0 {
		t.Error("ended after fewer failures in a row than are hopeless")
	}
	for range 2 * hopelessJoins {
		said(joining, missing)
	}
	two := &linkWatch{inRange: []string{"home", "cafe"}}
	if got, want := two.line(missing), `no access point is called "foo": those in range are ["home" "cafe"]`; got != want {
		t.Errorf("said %q, want %q", got, want)
	}
	if ended != 1 {
		t.Errorf("ended %d times, want once", ended)
	}
}
