//go:build espat && faketime

// Command measureat works TinyGo's own ESP-AT driver on a simulated board with such a
// module, both in this process, and prints what it did and how long that took. Like
// command measure it lives in the time of a runtime built with the tag faketime, and works the
// device itself, not package net.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"machine"
	"machine/client"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"time"
	_ "unsafe" // for go:linkname

	"tinygo.org/x/drivers/espat"
	"tinygo.org/x/drivers/netdev"
	"tinygo.org/x/drivers/netlink"

	"tinynet/sim/board"
	"tinynet/sim/clock"
	"tinynet/sim/network"
)

// attached is where package machine looks for its board.
//
//go:linkname attached machine.board
var attached func() *client.Client

// Result is what a scenario found out, in JSON on standard output, behind what the
// driver prints.
type Result struct {
	Took    time.Duration   `json:",omitempty"`
	Each    []time.Duration `json:",omitempty"` // of many, sorted
	Sent    int             `json:",omitempty"` // bytes that Send took
	Arrived int             `json:",omitempty"` // bytes that arrived as they were sent, from the first on
	Bytes   int             `json:",omitempty"` // bytes that arrived
	Error   string          `json:",omitempty"`
	Text    string          `json:",omitempty"`
}

// rig is a board with a connected driver, and the network around it.
type rig struct {
	dev  *espat.Device
	host *network.VirtualHost
}

func newRig(firmware string, rtt time.Duration, baud int) *rig {
	clk := clock.Virtual()
	v := network.NewVirtual(network.VirtualConfig{Clock: clk, RTT: rtt})
	r := &rig{host: v.Host()}
	spec, ok := board.Lookup("espat")
	if !ok {
		log.Fatal("no such board")
	}
	b, err := board.New(spec, board.Config{Network: v, Clock: clk, Firmware: firmware})
	check(err)
	ours, theirs := net.Pipe()
	go b.Serve(ours)
	c, err := client.New(theirs, spec.Name)
	check(err)
	attached = func() *client.Client { return c }
	r.dev = espat.NewDevice(&espat.Config{Uart: machine.UART1, Tx: machine.UART1_TX_PIN, Rx: machine.UART1_RX_PIN})
	check(r.dev.NetConnect(&netlink.ConnectParams{Ssid: "home", Passphrase: "correct horse"}))
	if baud != 115200 {
		// The driver knows no other speed, so this is done for it.
		_, err := r.dev.Write([]byte(fmt.Sprintf("AT+UART_CUR=%d,8,1,0,0\r\n", baud)))
		check(err)
		time.Sleep(200 * time.Millisecond)
		check(machine.UART1.Configure(machine.UARTConfig{BaudRate: uint32(baud)}))
		r.dev.Response(1000)
	}
	return r
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// pair returns a connection that the device opened, and the peer's end.
func (r *rig) pair() (fd int, peer net.Conn) {
	l, err := r.host.Listen(7000)
	check(err)
	defer l.Close()
	accepted := make(chan net.Conn, 1)
	go func() {
		c, err := l.Accept()
		check(err)
		accepted <- c
	}()
	fd, err = r.dev.Socket(netdev.AF_INET, netdev.SOCK_STREAM, netdev.IPPROTO_TCP)
	check(err)
	check(r.dev.Connect(fd, "", netip.AddrPortFrom(r.host.Addr(), 7000)))
	return fd, <-accepted
}

func stuff(n int) []byte {
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(uint32(i) * 2654435761 >> 23)
	}
	return p
}

// same returns how many bytes are the same from the first on.
func same(a, b []byte) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}

// receive receives up to n bytes, for as long as some come. A panic of the driver's is an
// error.
func (r *rig) receive(fd, n int) (got []byte, last time.Time, failed string) {
	defer func() {
		if p := recover(); p != nil {
			failed = fmt.Sprint("panic: ", p)
		}
	}()
	buf := make([]byte, 4096)
	last = time.Now()
	for len(got) < n {
		k, err := r.dev.Recv(fd, buf, 0, time.Now().Add(10*time.Second))
		if err != nil {
			return got, last, err.Error()
		}
		got = append(got, buf[:k]...)
		last = time.Now()
	}
	return got, last, ""
}

// download receives n bytes that the peer sends at once.
func download(r *rig, n int) (res Result) {
	fd, peer := r.pair()
	want := stuff(n)
	begun := time.Now()
	go peer.Write(want)
	got, last, failed := r.receive(fd, n)
	res.Took = last.Sub(begun)
	res.Bytes, res.Arrived, res.Error = len(got), same(got, want), failed
	return res
}

// pieces receives n bytes of which the peer sends 1000 at a time, when the device has those
// before.
func pieces(r *rig, n int) (res Result) {
	const piece = 1000
	fd, peer := r.pair()
	want := stuff(n)
	begun := time.Now()
	var got []byte
	for len(got) < n && res.Error == "" {
		next := want[len(got):min(n, len(got)+piece)]
		peer.Write(next)
		more, last, failed := r.receive(fd, len(next))
		got = append(got, more...)
		res.Took, res.Error = last.Sub(begun), failed
	}
	res.Bytes, res.Arrived = len(got), same(got, want)
	return res
}

// upload sends n bytes.
func upload(r *rig, n int) (res Result) {
	fd, peer := r.pair()
	want := stuff(n)
	begun := time.Now()
	arrived := make(chan []byte)
	var last time.Time
	go func() {
		var got []byte
		buf := make([]byte, 64<<10)
		for {
			k, err := peer.Read(buf)
			got = append(got, buf[:k]...)
			if err != nil {
				break
			}
			last = time.Now()
		}
		arrived <- got
	}()
	for res.Sent < n {
		k, err := r.dev.Send(fd, want[res.Sent:min(n, res.Sent+4096)], 0, time.Time{})
		if err != nil {
			res.Error = err.Error()
			break
		}
		res.Sent += k
	}
	time.Sleep(2 * time.Second)
	peer.SetReadDeadline(time.Now())
	got := <-arrived
	res.Took = last.Sub(begun)
	res.Bytes, res.Arrived = len(got), same(got, want)
	return res
}

// echo has the device send n bytes and get them back, many times.
func echo(r *rig, n int) (res Result) {
	fd, peer := r.pair()
	go io.Copy(peer, peer)
	want := stuff(n)
	for i := range 20 {
		time.Sleep(time.Duration(i) * 7 * time.Millisecond)
		begun := time.Now()
		_, err := r.dev.Send(fd, want, 0, time.Time{})
		if err != nil {
			res.Error = err.Error()
			return res
		}
		got, last, failed := r.receive(fd, n)
		if failed != "" {
			res.Error = failed
			return res
		}
		res.Arrived += same(got, want)
		res.Each = append(res.Each, last.Sub(begun))
	}
	slices.Sort(res.Each)
	return res
}

// more tries what a program with more than one connection needs.
func more(r *rig, _ int) (res Result) {
	fd, peer := r.pair()
	_, err := r.dev.Socket(netdev.AF_INET, netdev.SOCK_STREAM, netdev.IPPROTO_TCP)
	res.Text = fmt.Sprint("a second socket: ", err)
	_, _, err = r.dev.Accept(fd)
	res.Text += fmt.Sprint("; Accept: ", err)
	peer.Close()
	_, _, failed := r.receive(fd, 1)
	res.Text += fmt.Sprint("; Recv after the peer has closed: ", failed)
	return res
}

var scenarios = map[string]func(*rig, int) Result{
	"download": download, "pieces": pieces, "upload": upload, "echo": echo, "more": more,
}

// Usage: measureat SCENARIO RTT BYTES BAUD FIRMWARE
func main() {
	rtt, err := time.ParseDuration(os.Args[2])
	check(err)
	n, err := strconv.Atoi(os.Args[3])
	check(err)
	baud, err := strconv.Atoi(os.Args[4])
	check(err)
	scenario := scenarios[os.Args[1]]
	if scenario == nil {
		log.Fatalf("no scenario %q", os.Args[1])
	}
	out, err := json.Marshal(scenario(newRig(os.Args[5], rtt, baud), n))
	check(err)
	fmt.Printf("\nRESULT %s\n", out)
}
