package board

import (
	"net"
	"net/netip"
	"strconv"

	"tinynet/sim/nina"
)

// Event is something that a person who watches the board would want to know.
// It is one of the types below; String says it in a line.
type Event interface{ String() string }

// ChipEvent: the network chip is there. It comes once, from New.
type ChipEvent struct {
	Board    string // as its maker calls it: "Adafruit PyPortal"
	Chip     string // "WiFiNINA"
	Firmware string // version: "2.0.0", or "3.3.0 of Adafruit"
	MAC      net.HardwareAddr
}

// String returns, for example,
// "Adafruit PyPortal: WiFiNINA, firmware 2.0.0, MAC 24:0a:c4:00:00:02".
func (e ChipEvent) String() string {
	return e.Board + ": " + e.Chip + ", firmware " + e.Firmware + ", MAC " + e.MAC.String()
}

// LEDEvent: the board's LED changed.
type LEDEvent struct {
	Name string // "red LED"
	On   bool
}

// String returns, for example, "red LED on".
func (e LEDEvent) String() string {
	if e.On {
		return e.Name + " on"
	}
	return e.Name + " off"
}

// LinkState is what became of the link to the access point.
type LinkState = nina.LinkKind

// States of the link.
const (
	LinkJoining         = nina.LinkJoining         // the chip looks for the access point
	LinkJoined          = nina.LinkJoined          // and has an address
	LinkWrongPassphrase = nina.LinkWrongPassphrase // the access point refused
	LinkNoAccessPoint   = nina.LinkNoAccessPoint   // there is none of that name
	LinkLeft            = nina.LinkLeft            // the program ended it, or reset the chip
	LinkLost            = nina.LinkLost            // the access point went away
	LinkRefused         = nina.LinkRefused         // it takes no more stations
	LinkServing         = nina.LinkServing         // the chip is an access point itself
	LinkStationJoined   = nina.LinkStationJoined   // somebody has joined that
	LinkStationLeft     = nina.LinkStationLeft     // and left
	LinkClosed          = nina.LinkClosed          // it is one no longer
)

// LinkEvent: something became of the link to the access point.
type LinkEvent struct {
	State LinkState
	SSID  string
	IP    netip.Addr // with LinkJoined and LinkServing
}

// String returns, for example, `joined "home", IP 10.0.0.2`.
func (e LinkEvent) String() string {
	ssid := strconv.Quote(e.SSID)
	switch e.State {
	case LinkJoined:
		return "joined " + ssid + ", IP " + e.IP.String()
	case LinkWrongPassphrase:
		return "access point " + ssid + " refused the passphrase"
	case LinkNoAccessPoint:
		return "no access point is called " + ssid
	case LinkLost:
		return "lost access point " + ssid
	case LinkRefused:
		return "access point " + ssid + " takes no more stations"
	case LinkServing:
		return "is access point " + ssid + ", IP " + e.IP.String()
	case LinkStationJoined:
		return "a station has joined " + ssid
	case LinkStationLeft:
		return "a station has left " + ssid
	case LinkClosed:
		return "is no longer access point " + ssid
	}
	return e.State.String() + " " + ssid
}

// NoteEvent: the network chip says something about itself, such as that it
// hangs until it is reset, and why.
type NoteEvent struct {
	Chip string // "WiFiNINA"
	Text string
}

// String returns, for example, "WiFiNINA: chip hangs: slot 12 of 10".
func (e NoteEvent) String() string { return e.Chip + ": " + e.Text }
