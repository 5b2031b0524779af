package e2e

import (
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// What an AT command or a parser of replies could mistake, through the whole system: a
// program on package net, the driver, the module and a peer on this machine.

// awkward joins a network and sends to a peer what it gets, to its end.
const awkward = `package main

import (
	"io"
	"net"
	"os"

	"tinynet/netlink"
	"tinynet/netlink/probe"
)

func main() {
	link, _ := probe.Probe()
	err := link.NetConnect(&netlink.ConnectParams{Ssid: os.Args[1], Passphrase: os.Args[2], Retries: 1})
	if err == nil && len(os.Args) > 3 {
		err = talk(os.Args[3])
	}
	if err != nil {
		println(err.Error())
		os.Exit(3)
	}
}

func talk(peer string) error {
	c, err := net.Dial("tcp", peer)
	if err != nil {
		return err
	}
	defer c.Close()
	buf := make([]byte, 4096)
	for {
		n, err := c.Read(buf)
		if _, err := c.Write(buf[:n]); err != nil {
			return err
		}
		os.Stdout.Write(buf[:n])
		if err != nil {
			if err == io.EOF {
				err = nil
			}
			return err
		}
	}
}
`

// keywords are what the module says, as data.
const keywords = "\r\nOK\r\n+IPD,0,5:\r\nERROR\r\n0,CLOSED\r\nCLOSED\r\n+CIPRECVDATA:4,\r\nready\r\n>SEND OK\r\n" +
	"SEND FAIL\r\nbusy p...\r\nWIFI DISCONNECT\r\n\r\n>\x00\\\"+++AT+RST\r\n"

func TestESPATMistakesNothing(t *testing.T) {
	dir := module(t, awkward)
	const ssid, pass = `a "b",c\d`, `p"a\s,s,w"ord\`
	host := strings.Repeat("long-name.", 7) + "example.com" // longer than CIPSTART takes
	for _, firmware := range []string{"esp8266-1.7", "esp8266-2.2", "esp32-2.4", "esp32-5.0"} {
		t.Run(firmware, func(t *testing.T) {
			back := make(chan string, 1)
			port := oneClient(t, func(c net.Conn) {
				// By pieces, so that it is not all one notice.
				for text := keywords; text != ""; {
					n := min(len(text), 7)
					io.WriteString(c, text[:n])
					text = text[n:]
					time.Sleep(time.Millisecond)
				}
				buf := make([]byte, len(keywords))
				n, _ := io.ReadFull(c, buf)
				back <- string(buf[:n])
			})
			code, stdout, stderr := run(t, dir, "run", "-isolated", "-board", "espat", "-firmware", firmware,
				"-ssid", ssid, "-pass", pass, "-host", host+"=10.0.0.1", ".", ssid, pass, host+":"+port)
			if code != 0 || stdout != keywords {
				t.Fatalf("exit code %d, stdout %q, want %q; stderr:\n%s", code, stdout, keywords, stderr)
			}
			if got := <-back; got != keywords {
				t.Errorf("the peer got %q, want %q", got, keywords)
			}
			if strings.Contains(stdout+stderr, "goroutine ") {
				t.Error(stderr)
			}
		})
	}
}

// Names and passphrases that no network can have are refused without a try.
func TestESPATRefusesWhatNoNetworkHas(t *testing.T) {
	dir := module(t, awkward)
	for _, c := range []struct{ ssid, pass, want string }{
		{strings.Repeat("s", 33), "passphrase", "SSID is longer than 32 bytes"},
		{"", "passphrase", "no SSID"},
		{"name", strings.Repeat("p", 65), "passphrase is longer than 63"},
	} {
		stderr := mustFail(t, dir, []string{c.want}, "run", "-isolated", "-board", "espat", ".", c.ssid, c.pass)
		if strings.Contains(stderr, "joining") {
			t.Errorf("%v: it tried to join:\n%s", c, stderr)
		}
	}
}

// A module that says what makes no sense ends a program with an error, in its own time.
func TestESPATGarbageIsAnError(t *testing.T) {
	dir := module(t, awkward)
	mustFail(t, dir, []string{"espat: "}, "run", "-isolated", "-board", "espat", "-fault", "every=3 kinds=wire", "-seed", "1", ".",
		"any", "passphrase", "host:1")
}
