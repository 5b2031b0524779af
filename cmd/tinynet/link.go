package main

import (
	"fmt"

	"tinynet/sim/board"
)

// hopelessJoins is after how many failures in a row a program is ended: the
// access point of a simulated board never changes, so that a program that
// tries for ever would do so in vain.
const hopelessJoins = 5

// linkWatch turns what becomes of the link into lines, of which a program that
// tries again and again gets each only once.
type linkWatch struct {
	inRange  []string // names of the access points; none for any
	failures int      // in a row
	last     string   // line
	// hopeless is called once, when the program can only go on failing.
	hopeless func(line string)
}

// line returns what to say of an event, empty for nothing. Events come one at
// a time.
func (w *linkWatch) line(e board.LinkEvent) string {
	text := e.String()
	switch e.State {
	case board.LinkNoAccessPoint:
		switch len(w.inRange) {
		case 0:
		case 1:
			text += fmt.Sprintf(": the one in range is %q", w.inRange[0])
		default:
			text += fmt.Sprintf(": those in range are %q", w.inRange)
		}
		w.failures++
	case board.LinkWrongPassphrase:
		w.failures++
	case board.LinkJoining:
		if w.failures > 0 {
			return ""
		}
		return text
	case board.LinkLeft:
		return text
	default:
		w.failures = 0
	}
	if w.failures == hopelessJoins && w.hopeless != nil {
		w.hopeless(text)
	}
	if w.failures > 1 && text == w.last {
		return ""
	}
	w.last = text
	return text
}
