package espat

import "time"

// Timing is what the module's work costs. DefaultTiming has the profile that
// speed figures are quoted against; a zero field costs nothing.
type Timing struct {
	Poll    time.Duration // a look at an empty UART by the host
	Command time.Duration // from a command line to its first reply byte
	Prompt  time.Duration // from the OK of CIPSEND to its > where they are apart
	Recv    time.Duration // from the last byte of a send's data to its Recv
	Sent    time.Duration // from the last byte's place in the send buffer to SEND OK

	Boot            time.Duration // from reset to ready
	Associate       time.Duration // until WIFI CONNECTED
	Address         time.Duration // from there until WIFI GOT IP
	WrongPassphrase time.Duration // until a join with a wrong passphrase fails
	NoAccessPoint   time.Duration // until a join of a missing access point fails
	Scan            time.Duration // of all channels
	AP              time.Duration // until an access point of the module's own runs
	DNS             time.Duration // a look-up, beside the network's own time
	DNSTimeout      time.Duration // until a name server that is silent is given up
	TLS             time.Duration // a handshake's arithmetic on an ESP32
	TLS8266         time.Duration // and on an ESP8266
	Handshake       time.Duration // until a handshake is given up
	Ping            time.Duration // until a ping is given up
	SNTP            time.Duration // from the configuration until the time is known
}

// DefaultTiming returns the profile of an ESP-AT module.
//
// Of these, Handshake has a source (esp-at docs, CIPSTART: 10 s for each packet), and so has
// the order of things: OK and the prompt in one print from 2.4 on (2.3 on the ESP8266), so
// that Prompt is for older ones only (strings of the core libraries); data that go to the
// network when the last byte is in; SEND OK when the last has a place in the send buffer, and
// not when it is acknowledged (esp-at docs, CIPSEND). All other times are published by nobody
// and chosen as plausible; the FAQ's 5 s to join in an office is Associate and Address
// in a quieter place. docs/protocols/espat.md has the list.
func DefaultTiming() Timing {
	return Timing{
		Poll:    time.Microsecond,
		Command: time.Millisecond,
		Prompt:  500 * time.Microsecond,
		Recv:    500 * time.Microsecond,
		Sent:    500 * time.Microsecond,

		Boot:            500 * time.Millisecond,
		Associate:       2 * time.Second,
		Address:         500 * time.Millisecond,
		WrongPassphrase: 4 * time.Second,
		NoAccessPoint:   3 * time.Second,
		Scan:            2500 * time.Millisecond,
		AP:              100 * time.Millisecond,
		DNS:             30 * time.Millisecond,
		DNSTimeout:      14 * time.Second,
		TLS:             800 * time.Millisecond,
		TLS8266:         2500 * time.Millisecond,
		Handshake:       10 * time.Second,
		Ping:            5 * time.Second,
		SNTP:            time.Second,
	}
}
