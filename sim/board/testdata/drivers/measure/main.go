//go:build ninafw && faketime

// Command measure works TinyGo's own driver on a simulated board, both in this
// process, and prints what it did and how long that took. It works the device
// itself, not package net.
//
// The driver holds a mutex while it waits, so that its time cannot be that of a
// testing/synctest bubble. It is that of a runtime built with the tag faketime
// instead, as the Go playground has it: the clock jumps when every goroutine
// waits.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"machine"
	"machine/client"
	"net"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	_ "unsafe" // for go:linkname

	"tinygo.org/x/drivers/netdev"
	"tinygo.org/x/drivers/netlink"
	"tinygo.org/x/drivers/wifinina"

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
	Took      time.Duration   `json:",omitempty"`
	Each      []time.Duration `json:",omitempty"` // of many, sorted
	Sent      int             `json:",omitempty"` // bytes that Send took
	Arrived   int             `json:",omitempty"` // bytes that arrived as they were sent, from the first on
	Bytes     int             `json:",omitempty"` // bytes that arrived
	Exchanges int             `json:",omitempty"`
	Error     string          `json:",omitempty"`
	Text      string          `json:",omitempty"`
}

type device interface {
	NetConnect(*netlink.ConnectParams) error
	NetDisconnect()
	GetHostByName(string) (netip.Addr, error)
	Addr() (netip.Addr, error)
	Socket(domain, stype, protocol int) (int, error)
	Bind(fd int, ip netip.AddrPort) error
	Connect(fd int, host string, ip netip.AddrPort) error
	Listen(fd, backlog int) error
	Accept(fd int) (int, netip.AddrPort, error)
	Send(fd int, buf []byte, flags int, deadline time.Time) (int, error)
	Recv(fd int, buf []byte, flags int, deadline time.Time) (int, error)
	Close(fd int) error
}

// rig is a board with a connected driver, and the network around it.
type rig struct {
	dev   device
	board *board.Board
	net   *network.Virtual
	host  *network.VirtualHost
	rtt   time.Duration
}

func newRig(rtt time.Duration) *rig {
	clk := clock.Virtual()
	r := &rig{net: network.NewVirtual(network.VirtualConfig{Clock: clk, RTT: rtt}), rtt: rtt}
	r.host = r.net.Host()
	spec, ok := board.Lookup("pyportal")
	if !ok {
		log.Fatal("no such board")
	}
	var err error
	r.board, err = board.New(spec, board.Config{Network: r.net, Clock: clk})
	check(err)
	ours, theirs := net.Pipe()
	go r.board.Serve(ours)
	c, err := client.New(theirs, spec.Name)
	check(err)
	attached = func() *client.Client { return c }
	r.dev = wifinina.New(&wifinina.Config{
		Spi:    machine.NINA_SPI,
		Freq:   8 * machine.MHz,
		Sdo:    machine.NINA_SDO,
		Sdi:    machine.NINA_SDI,
		Sck:    machine.NINA_SCK,
		Cs:     machine.NINA_CS,
		Ack:    machine.NINA_ACK,
		Gpio0:  machine.NINA_GPIO0,
		Resetn: machine.NINA_RESETN,
	})
	check(r.dev.NetConnect(&netlink.ConnectParams{Ssid: "home", Passphrase: "correct horse"}))
	return r
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// pair returns a connection that the device opened, and the peer's end.
func (r *rig) pair(port uint16) (fd int, peer net.Conn) {
	l, err := r.host.Listen(port)
	check(err)
	defer l.Close()
	accepted := make(chan net.Conn)
	go func() {
		c, err := l.Accept()
		check(err)
		accepted <- c
	}()
	fd, err = r.dev.Socket(netdev.AF_INET, netdev.SOCK_STREAM, netdev.IPPROTO_TCP)
	check(err)
	check(r.dev.Connect(fd, "", netip.AddrPortFrom(r.host.Addr(), port)))
	return fd, <-accepted
}

func (r *rig) listen(port uint16) int {
	fd, err := r.dev.Socket(netdev.AF_INET, netdev.SOCK_STREAM, netdev.IPPROTO_TCP)
	check(err)
	check(r.dev.Bind(fd, netip.AddrPortFrom(netip.IPv4Unspecified(), port)))
	check(r.dev.Listen(fd, 1))
	return fd
}

func (r *rig) addr(port uint16) netip.AddrPort {
	ip, err := r.dev.Addr()
	check(err)
	return netip.AddrPortFrom(ip, port)
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

// page fetches a page from a machine on the network.
func page(r *rig, _ int) (res Result) {
	l, err := r.host.Listen(8080)
	check(err)
	text := strings.Repeat("tinynet ", 500)
	go http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, text) }))
	ip, err := r.dev.GetHostByName("host")
	check(err)
	fd, err := r.dev.Socket(netdev.AF_INET, netdev.SOCK_STREAM, netdev.IPPROTO_TCP)
	check(err)
	check(r.dev.Connect(fd, "", netip.AddrPortFrom(ip, 8080)))
	_, err = r.dev.Send(fd, []byte("GET / HTTP/1.0\r\nHost: host\r\n\r\n"), 0, time.Time{})
	check(err)
	var got []byte
	buf := make([]byte, 1500)
	for {
		n, err := r.dev.Recv(fd, buf, 0, time.Time{})
		if n > 0 {
			got = append(got, buf[:n]...)
		}
		if err != nil {
			if err != io.EOF {
				res.Error = err.Error()
			}
			break
		}
	}
	check(r.dev.Close(fd))
	head, body, _ := strings.Cut(string(got), "\r\n\r\n")
	res.Text, _, _ = strings.Cut(head, "\r\n")
	res.Bytes, res.Arrived = len(body), same([]byte(body), []byte(text))
	return res
}

// serve serves a page, twice.
func serve(r *rig, _ int) (res Result) {
	lfd := r.listen(80)
	text := strings.Repeat("x", 1000)
	go func() {
		for {
			fd, _, err := r.dev.Accept(lfd)
			check(err)
			buf := make([]byte, 1500)
			var got []byte
			for !bytes.Contains(got, []byte("\r\n\r\n")) {
				n, err := r.dev.Recv(fd, buf, 0, time.Time{})
				check(err)
				got = append(got, buf[:n]...)
			}
			_, err = fmt.Fprintf(socket{r.dev, fd}, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", len(text), text)
			check(err)
			check(r.dev.Close(fd))
		}
	}()
	web := http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return r.host.Dial(ctx, r.addr(80))
	}}}
	for range 2 {
		resp, err := web.Get("http://board/")
		check(err)
		body, err := io.ReadAll(resp.Body)
		check(err)
		res.Text = resp.Status
		res.Bytes, res.Arrived = len(body), same(body, []byte(text))
	}
	return res
}

type socket struct {
	dev device
	fd  int
}

func (s socket) Write(p []byte) (int, error) { return s.dev.Send(s.fd, p, 0, time.Time{}) }

// download receives n bytes.
func download(r *rig, n int) (res Result) {
	fd, peer := r.pair(7000)
	want := stuff(n)
	go func() {
		peer.Write(want)
		peer.Close()
	}()
	begun, before := time.Now(), r.board.Ledger()
	got := make([]byte, 0, n)
	buf := make([]byte, 4096)
	for len(got) < n {
		k, err := r.dev.Recv(fd, buf, 0, time.Time{})
		if k > 0 {
			got = append(got, buf[:k]...)
		}
		if err != nil {
			res.Error = err.Error()
			break
		}
	}
	res.Took = time.Since(begun)
	res.Exchanges = r.board.Ledger().Exchanges - before.Exchanges
	res.Bytes, res.Arrived = len(got), same(got, want)
	return res
}

// upload sends n bytes.
func upload(r *rig, n int) (res Result) {
	fd, peer := r.pair(7000)
	want := stuff(n)
	begun, before := time.Now(), r.board.Ledger()
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
		if k > 0 {
			res.Sent += k
		}
		if err != nil {
			res.Error = err.Error()
			break
		}
	}
	res.Exchanges = r.board.Ledger().Exchanges - before.Exchanges
	time.Sleep(time.Second)
	check(r.dev.Close(fd))
	got := <-arrived
	res.Took = last.Sub(begun)
	res.Bytes, res.Arrived = len(got), same(got, want)
	return res
}

// slow sends n bytes to a peer that reads nothing for five seconds.
func slow(r *rig, n int) (res Result) {
	fd, peer := r.pair(7000)
	want := stuff(n)
	arrived := make(chan []byte)
	go func() {
		time.Sleep(5 * time.Second)
		got, err := io.ReadAll(peer)
		check(err)
		arrived <- got
	}()
	k, err := r.dev.Send(fd, want, 0, time.Time{})
	if err != nil {
		res.Error = err.Error()
	}
	res.Sent = max(k, 0)
	time.Sleep(10 * time.Second)
	check(r.dev.Close(fd))
	got := <-arrived
	res.Bytes, res.Arrived = len(got), same(got, want)
	return res
}

// eight receives n bytes on eight connections together.
func eight(r *rig, n int) (res Result) {
	const many = 8
	want := stuff(n / many)
	var fds [many]int
	var peers [many]net.Conn
	for i := range fds {
		fds[i], peers[i] = r.pair(uint16(7000 + i))
	}
	begun, before := time.Now(), r.board.Ledger()
	var wg sync.WaitGroup
	var mu sync.Mutex
	for i := range fds {
		go func() {
			peers[i].Write(want)
			peers[i].Close()
		}()
		wg.Go(func() {
			var got []byte
			buf := make([]byte, 4096)
			for len(got) < len(want) {
				k, err := r.dev.Recv(fds[i], buf, 0, time.Time{})
				if k > 0 {
					got = append(got, buf[:k]...)
				}
				if err != nil {
					res.Error = err.Error()
					break
				}
			}
			mu.Lock()
			res.Bytes += len(got)
			res.Arrived += same(got, want)
			mu.Unlock()
		})
	}
	wg.Wait()
	res.Took = time.Since(begun)
	res.Exchanges = r.board.Ledger().Exchanges - before.Exchanges
	return res
}

// pauses meet the chip's tick, and the driver's, in all phases.
func pauses(idle time.Duration, f func() time.Duration) (all []time.Duration) {
	for i := range 40 {
		time.Sleep(idle + time.Duration(i)*2700*time.Microsecond)
		all = append(all, f())
	}
	slices.Sort(all)
	return all
}

// echoHot and echoCold time how long the peer waits for its 64 bytes to come back.
func echoHot(r *rig, _ int) Result  { return echo(r, 0) }
func echoCold(r *rig, _ int) Result { return echo(r, time.Second) }

func echo(r *rig, idle time.Duration) (res Result) {
	fd, peer := r.pair(7000)
	go func() {
		buf := make([]byte, 200)
		for {
			n, err := r.dev.Recv(fd, buf, 0, time.Time{})
			check(err)
			_, err = r.dev.Send(fd, buf[:n], 0, time.Time{})
			check(err)
		}
	}()
	res.Each = pauses(idle, func() time.Duration {
		begun := time.Now()
		peer.Write(stuff(64))
		_, err := io.ReadFull(peer, make([]byte, 64))
		check(err)
		return time.Since(begun)
	})
	return res
}

// acceptHot and acceptCold time a client from its connect to the first byte of the
// answer to its request of 16 bytes.
func acceptHot(r *rig, _ int) Result  { return accept(r, 0) }
func acceptCold(r *rig, _ int) Result { return accept(r, time.Second) }

func accept(r *rig, idle time.Duration) (res Result) {
	lfd := r.listen(80)
	go func() {
		buf := make([]byte, 200)
		for {
			fd, _, err := r.dev.Accept(lfd)
			check(err)
			_, err = r.dev.Recv(fd, buf, 0, time.Time{})
			check(err)
			_, err = r.dev.Send(fd, buf[:64], 0, time.Time{})
			check(err)
			check(r.dev.Close(fd))
		}
	}()
	to := r.addr(80)
	res.Each = pauses(idle, func() time.Duration {
		begun := time.Now()
		c, err := r.host.Dial(context.Background(), to)
		check(err)
		c.Write(stuff(16))
		_, err = c.Read(make([]byte, 1))
		check(err)
		took := time.Since(begun)
		io.Copy(io.Discard, c)
		c.Close()
		return took
	})
	return res
}

// idle counts the exchanges of a second in which eight goroutines wait for data
// that does not come, and times how late the end of a stream is noticed.
func idle(r *rig, _ int) (res Result) {
	const many = 8
	var peers [many]net.Conn
	ended := make(chan time.Duration, many)
	var closed time.Time
	for i := range peers {
		fd, peer := r.pair(uint16(7000 + i))
		peers[i] = peer
		go func() {
			_, err := r.dev.Recv(fd, make([]byte, 10), 0, time.Time{})
			if err != io.EOF {
				check(errors.New("the stream did not end"))
			}
			ended <- time.Since(closed)
		}()
	}
	time.Sleep(5 * time.Second)
	before := r.board.Ledger()
	time.Sleep(time.Second)
	res.Exchanges = r.board.Ledger().Exchanges - before.Exchanges
	closed = time.Now()
	for _, p := range peers {
		p.Close()
	}
	for range peers {
		res.Each = append(res.Each, <-ended)
	}
	slices.Sort(res.Each)
	return res
}

// stop tries what programs want to do with a listener: stop it and open it again.
func stop(r *rig, _ int) (res Result) {
	lfd := r.listen(80)
	stopped := make(chan error, 1)
	go func() {
		_, _, err := r.dev.Accept(lfd)
		stopped <- err
	}()
	time.Sleep(time.Second)
	check(r.dev.Close(lfd))
	select {
	case err := <-stopped:
		res.Text = fmt.Sprint("Accept returned ", err)
	case <-time.After(time.Minute):
		res.Text = "Accept goes on for a minute after Close"
	}
	c, err := r.host.Dial(context.Background(), r.addr(80))
	if err == nil {
		c.Close()
		res.Text += "; the port is still open"
	}
	return res
}

var scenarios = map[string]func(*rig, int) Result{
	"page": page, "serve": serve, "download": download, "upload": upload, "eight": eight,
	"echo-hot": echoHot, "echo-cold": echoCold, "accept-hot": acceptHot, "accept-cold": acceptCold,
	"idle": idle, "stop": stop, "slow": slow,
}

// Usage: measure SCENARIO RTT BYTES
func main() {
	rtt, err := time.ParseDuration(os.Args[2])
	check(err)
	n, err := strconv.Atoi(os.Args[3])
	check(err)
	scenario := scenarios[os.Args[1]]
	if scenario == nil {
		log.Fatalf("no scenario %q", os.Args[1])
	}
	out, err := json.Marshal(scenario(newRig(rtt), n))
	check(err)
	fmt.Printf("\nRESULT %s\n", out)
}
