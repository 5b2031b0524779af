// Http-get fetches a page and prints it.
//
// Run a web server at the other end, for instance "python3 -m http.server 8080"
// on this machine, which the simulated board knows by the name host. Then, from
// the repository's root:
//
//	go run ./cmd/tinynet run ./examples/net/http-get http://host:8080/
//
// On a board, with TinyGo, name the network and the page at link time:
//
//	-ldflags "-X main.ssid=NAME -X main.pass=PASSPHRASE -X main.url=http://…"
package main

import (
	"io"
	"net/http"
	"os"

	"tinynet/netlink"
	"tinynet/netlink/probe"
)

// Strings set at link time. TinyGo sets only those that have no value in the
// source, so main does that.
var ssid, pass, url string

func main() {
	if ssid == "" {
		ssid, pass = "tinynet", "tinynet-pass"
	}
	if len(os.Args) > 1 {
		url = os.Args[1]
	} else if url == "" {
		url = "http://host:8080/"
	}

	link, _ := probe.Probe()
	err := link.NetConnect(&netlink.ConnectParams{Ssid: ssid, Passphrase: pass, Retries: 3})
	if err != nil {
		fail("connect to", ssid, err)
	}

	resp, err := http.Get(url)
	if err != nil {
		fail("get", url, err)
	}
	println(resp.Proto, resp.Status)
	if _, err := io.Copy(os.Stdout, resp.Body); err != nil {
		fail("read", url, err)
	}
	resp.Body.Close()
	link.NetDisconnect()
}

func fail(what, object string, err error) {
	println("cannot", what, object+":", err.Error())
	os.Exit(1)
}
