package espat

import (
	"fmt"
	"net/netip"
	"strconv"
	"time"
)

// Event is something that went over the line, or that the module did by itself.
type Event struct {
	Time time.Time
	Kind EventKind
	Text string // the bytes, or the note in words
}

// EventKind is what an Event is about.
type EventKind byte

// Kinds of events.
const (
	EventIn   EventKind = iota // a command line, or the data of a send
	EventOut                   // a message from the module
	EventNote                  // what the module did by itself
)

// String returns the event as a line without its time; long data is cut.
func (e Event) String() string {
	text := strconv.Quote(e.Text)
	if len(e.Text) > 200 {
		text = strconv.Quote(e.Text[:200]) + fmt.Sprintf("… %d bytes", len(e.Text))
	}
	switch e.Kind {
	case EventIn:
		return "> " + text
	case EventOut:
		return "< " + text
	}
	return "-- " + e.Text
}

func (c *Chip) trace(kind EventKind, text string) {
	if f := c.cfg.Trace; f != nil {
		e := Event{Time: c.clk.Now(), Kind: kind, Text: text}
		c.calls = append(c.calls, func() { f(e) })
	}
}

func (c *Chip) traceOut(s string)                  { c.trace(EventOut, s) }
func (c *Chip) traceIn(s string)                   { c.trace(EventIn, s) }
func (c *Chip) note(format string, a ...any)       { c.trace(EventNote, fmt.Sprintf(format, a...)) }
func (f *firmware) note(format string, arg ...any) { f.c.note(format, arg...) }

// LinkKind says what became of the Wi-Fi link.
type LinkKind byte

// Kinds of a LinkEvent.
const (
	LinkJoining         LinkKind = iota // the module has begun to look for SSID
	LinkJoined                          // associated, with address Addr
	LinkWrongPassphrase                 // the access point refused the passphrase
	LinkNoAccessPoint                   // no access point has that name
	LinkLeft                            // the host ended it, or reset the module
	LinkLost                            // the access point went away
	LinkServing                         // the module is an access point itself, with address Addr
	LinkStationJoined                   // somebody has joined it
	LinkStationLeft                     // and left again
	LinkClosed                          // it is one no longer
)

var linkKinds = [...]string{"joining", "joined", "wrong passphrase", "no such access point", "left", "lost",
	"serving", "station joined", "station left", "closed"}

// String returns the kind in words.
func (k LinkKind) String() string {
	if int(k) < len(linkKinds) {
		return linkKinds[k]
	}
	return "unknown"
}

// LinkEvent tells what became of the Wi-Fi link.
type LinkEvent struct {
	Kind LinkKind
	SSID string
	Addr netip.Addr // with LinkJoined and LinkServing
}

func (f *firmware) linkEvent(e LinkEvent) {
	if g := f.c.cfg.LinkEvent; g != nil {
		f.c.calls = append(f.c.calls, func() { g(e) })
	}
}
