// Webserver serves a page with two buttons that switch the board's LED, and a
// counter of its visitors.
//
// On the simulated board, from the repository's root:
//
//	go run ./cmd/tinynet run ./examples/net/webserver
//
// then open the address that it prints. On a board, with TinyGo, the network's
// name and passphrase are given at link time:
//
//	-ldflags "-X main.ssid=NAME -X main.pass=PASSPHRASE"
package main

import (
	"io"
	"machine"
	"net/http"
	"os"
	"strconv"
	"sync"

	"tinynet/netlink"
	"tinynet/netlink/probe"
)

// Strings set at link time. TinyGo sets only those that have no value in the
// source, so main does that.
var ssid, pass, addr string

// board is what the page shows: net/http serves several visitors at once.
var board struct {
	sync.Mutex
	led    bool
	visits int
}

func main() {
	if ssid == "" {
		ssid, pass = "tinynet", "tinynet-pass"
	}
	if addr == "" {
		addr = ":80"
	}

	machine.LED.Configure(machine.PinConfig{Mode: machine.PinOutput})
	machine.LED.Low()

	link, _ := probe.Probe()
	err := link.NetConnect(&netlink.ConnectParams{Ssid: ssid, Passphrase: pass, Retries: 3})
	if err != nil {
		fail("connect to", ssid, err)
	}

	// TinyGo's net/http knows no patterns with a method.
	http.HandleFunc("/", page)
	http.HandleFunc("/on", func(w http.ResponseWriter, r *http.Request) { switchLED(w, r, true) })
	http.HandleFunc("/off", func(w http.ResponseWriter, r *http.Request) { switchLED(w, r, false) })

	fail("serve on", addr, http.ListenAndServe(addr, nil))
}

func page(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/" {
		http.NotFound(w, r)
		return
	}
	board.Lock()
	board.visits++
	visits, led := board.visits, "off"
	if board.led {
		led = "on"
	}
	board.Unlock()

	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	io.WriteString(w, `<!DOCTYPE html>
<html>
<head><title>tinynet</title><meta name="viewport" content="width=device-width"></head>
<body>
<h1>Hello from the board</h1>
<p>The LED is <b id="led">`+led+`</b>.</p>
<form method="post">
<button id="on" formaction="/on">LED on</button>
<button id="off" formaction="/off">LED off</button>
</form>
<p>This page was served <span id="visits">`+strconv.Itoa(visits)+`</span> times.</p>
</body>
</html>
`)
}

// switchLED sets the LED and sends the browser back to the page.
func switchLED(w http.ResponseWriter, r *http.Request, on bool) {
	if r.Method != http.MethodPost {
		http.Error(w, "POST only", http.StatusMethodNotAllowed)
		return
	}
	board.Lock()
	board.led = on
	machine.LED.Set(on)
	board.Unlock()
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func fail(what, object string, err error) {
	println("cannot", what, object+":", err.Error())
	os.Exit(1)
}
