// Ntpclient asks a time server for the time, by UDP, and prints it.
//
// From the repository's root, on a machine that reaches the internet:
//
//	go run ./cmd/tinynet run ./examples/net/ntpclient pool.ntp.org:123
//
// or with any NTP server on this machine, which the simulated board knows by
// the name host (the default, host:123). On a board, with TinyGo, name the
// network and the server at link time:
//
//	-ldflags "-X main.ssid=NAME -X main.pass=PASSPHRASE -X main.server=pool.ntp.org:123"
package main

import (
	"encoding/binary"
	"errors"
	"net"
	"os"
	"time"

	"tinynet/netlink"
	"tinynet/netlink/probe"
)

// Strings set at link time. TinyGo sets only those that have no value in the
// source, so main does that.
var ssid, pass, server string

func main() {
	if ssid == "" {
		ssid, pass = "tinynet", "tinynet-pass"
	}
	if len(os.Args) > 1 {
		server = os.Args[1]
	} else if server == "" {
		server = "host:123"
	}

	link, _ := probe.Probe()
	err := link.NetConnect(&netlink.ConnectParams{Ssid: ssid, Passphrase: pass, Retries: 3})
	if err != nil {
		fail("connect to", ssid, err)
	}

	now, err := ask(server)
	if err != nil {
		fail("ask", server, err)
	}
	os.Stdout.WriteString(now.UTC().Format(time.RFC3339) + "\n")
	link.NetDisconnect()
}

// Layout of an NTP packet (RFC 5905, section 7.3).
const (
	packetLen    = 48
	clientV4     = 4<<3 | 3 // version 4, mode 3: client
	modeMask     = 7
	modeServer   = 4
	stratum      = 1  // offset; 0 means that the server refuses
	transmitTime = 40 // offset of the seconds since 1900
	since1900    = 2208988800
)

var errAnswer = errors.New("the answer is not one of a time server")

// ask sends one request, up to three times, and reads the server's clock from
// the answer.
func ask(server string) (time.Time, error) {
	c, err := net.Dial("udp", server)
	if err != nil {
		return time.Time{}, err
	}
	defer c.Close()

	var buf [packetLen]byte
	for try := 0; try < 3; try++ {
		buf = [packetLen]byte{clientV4}
		if _, err = c.Write(buf[:]); err != nil {
			return time.Time{}, err
		}
		c.SetReadDeadline(time.Now().Add(2 * time.Second))
		var n int
		n, err = c.Read(buf[:])
		if err != nil {
			continue // UDP may lose it
		}
		if n < packetLen || buf[0]&modeMask != modeServer || buf[stratum] == 0 {
			return time.Time{}, errAnswer
		}
		seconds := int64(binary.BigEndian.Uint32(buf[transmitTime:]))
		if seconds < 1<<31 {
			seconds += 1 << 32 // the count begins anew in 2036
		}
		return time.Unix(seconds-since1900, 0), nil
	}
	return time.Time{}, err
}

func fail(what, object string, err error) {
	println("cannot", what, object+":", err.Error())
	os.Exit(1)
}
