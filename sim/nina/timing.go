package nina

import "time"

// Timing is what the chip's work costs. DefaultTiming has the profile that
// speed figures are quoted against; a zero field costs nothing.
type Timing struct {
	Byte    time.Duration // a byte on the SPI bus
	PinRead time.Duration // a look at a pin by the host

	// Handle and Rearm are what an exchange costs beside its bytes. Handle
	// goes from the end of the command to READY low for the reply, Rearm from
	// the end of the reply to READY low for the next command.
	Handle time.Duration
	Rearm  time.Duration

	Boot time.Duration // from the release of reset until commands are taken
	Tick time.Duration // of FreeRTOS; the GPIO0 task scans at most once a tick

	Join            time.Duration // association and DHCP
	WrongPassphrase time.Duration // until a join with a wrong passphrase fails
	NoAccessPoint   time.Duration // until a join of a missing access point fails
	IPLost          time.Duration // from a drop until the address is given up
	Scan            time.Duration // of all 13 channels
	AP              time.Duration // until an access point of the chip's own runs
	DNS             time.Duration // a lookup, beside the network's own time
	DNSServer       time.Duration // until a name server that is silent is given up
	TLS             time.Duration // a handshake's arithmetic
	Ping            time.Duration // until a ping is given up
	SNTP            time.Duration // from the address until the time is known
}

// DefaultTiming returns the profile of a WiFiNINA module at an 8 MHz SPI clock.
// An exchange costs 280 µs beside its bytes (WiFiNINA issue 80); how that
// splits over the two halves is chosen, as are the times of joining, scanning,
// DNS, TLS, SNTP and of becoming an access point.
func DefaultTiming() Timing {
	return Timing{
		Byte:    time.Microsecond,
		PinRead: time.Microsecond,
		Handle:  200 * time.Microsecond,
		Rearm:   80 * time.Microsecond,
		Boot:    750 * time.Millisecond,
		Tick:    10 * time.Millisecond, // sdkconfig FREERTOS_HZ=100

		Join:            2 * time.Second,
		WrongPassphrase: 4 * time.Second,
		NoAccessPoint:   3 * time.Second,
		IPLost:          120 * time.Second, // sdkconfig IP_LOST_TIMER_INTERVAL
		Scan:            2500 * time.Millisecond,
		AP:              100 * time.Millisecond,
		DNS:             30 * time.Millisecond,
		DNSServer:       7 * time.Second, // lwIP dns.c: asked after 0, 1, 2 and 4 s
		TLS:             1200 * time.Millisecond,
		Ping:            5 * time.Second, // WiFi.cpp
		SNTP:            time.Second,
	}
}
