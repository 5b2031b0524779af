//go:build linux || darwin

// Hostbench compares the speed of tinynet's net on package hostnet with that of
// the standard library's net, on the loopback of this machine:
//
//	go run ./netdevtest/hostbench
//
// It builds itself twice, once as it is and once with the overlay that
// `tinynet overlay` prints, and runs the two programs in turn, so that what
// else the machine does meets both alike. It prints a table with the median of
// each, and of the ratios of the pairs, and exits with 1 if one of those is below
// 0.9.
//
// With -worker it is one of the two programs: it measures each once and prints
// a line for each.
package main

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"tinynet/hostnet"
)

// A measure is one figure: the more, the better.
type measure struct {
	name, unit string
	run        func(time.Duration) (float64, error)
}

var measures = []measure{
	{"ping-pong", "round trips/s", pingPong},
	{"throughput", "MB/s", throughput},
	{"http, 1 connection", "requests/s", func(d time.Duration) (float64, error) { return requests(d, 1) }},
	{"http, 64 connections", "requests/s", func(d time.Duration) (float64, error) { return requests(d, 64) }},
	{"dial and close", "connections/s", dials},
}

// least is how fast ours has to be, as a part of the other.
const least = 0.9

func main() {
	log.SetFlags(0)
	log.SetPrefix("hostbench: ")
	worker := flag.Bool("worker", false, "measure once, as one of the two programs")
	overlay := flag.String("overlay", "", "the overlay `file`; by default it is what `tinynet overlay` prints")
	rounds := flag.Int("rounds", 9, "how many `times` each program runs")
	length := flag.Duration("time", 500*time.Millisecond, "how `long` each measure takes")
	flag.Parse()
	if flag.NArg() > 0 || *rounds < 1 || *length <= 0 {
		flag.Usage()
		os.Exit(2)
	}
	if *worker {
		hostnet.New() // which only ours uses
		for _, m := range measures {
			v, err := m.run(*length)
			if err != nil {
				log.Fatalf("%s: %v", m.name, err)
			}
			fmt.Println(v)
		}
		return
	}
	slow, err := compare(*overlay, *rounds, *length)
	if err != nil {
		log.Fatal(err)
	}
	if slow {
		os.Exit(1)
	}
}

// compare builds and runs both programs and prints the table.
func compare(overlay string, rounds int, length time.Duration) (slow bool, err error) {
	dir, err := os.MkdirTemp("", "hostbench")
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(dir)
	if overlay == "" {
		out, err := command("go", "run", "tinynet/cmd/tinynet", "overlay")
		if err != nil {
			return false, err
		}
		overlay = strings.TrimSpace(out)
	}
	programs := [2]string{filepath.Join(dir, "stock"), filepath.Join(dir, "ours")}
	const self = "tinynet/netdevtest/hostbench"
	if _, err := command("go", "build", "-o", programs[0], self); err != nil {
		return false, err
	}
	if _, err := command("go", "build", "-overlay", overlay, "-o", programs[1], self); err != nil {
		return false, err
	}
	var values [2][][]float64 // by program and measure
	for i := range values {
		values[i] = make([][]float64, len(measures))
	}
	for range rounds {
		for i, program := range programs {
			out, err := command(program, "-worker", "-time", length.String())
			if err != nil {
				return false, err
			}
			lines := strings.Fields(out)
			if len(lines) != len(measures) {
				return false, fmt.Errorf("%s printed %d figures, want %d", program, len(lines), len(measures))
			}
			for m, line := range lines {
				v, err := strconv.ParseFloat(line, 64)
				if err != nil {
					return false, err
				}
				values[i][m] = append(values[i][m], v)
			}
		}
	}
	fmt.Printf("%-22s %14s %14s %6s\n", "", "stock", "ours", "ratio")
	for i, m := range measures {
		stock, ours := values[0][i], values[1][i]
		ratios := make([]float64, rounds)
		for r := range ratios {
			ratios[r] = ours[r] / stock[r]
		}
		ratio, note := median(ratios), ""
		if ratio < least {
			slow, note = true, "  too slow"
		}
		fmt.Printf("%-22s %14.0f %14.0f %6.2f  %s%s\n", m.name, median(stock), median(ours), ratio, m.unit, note)
	}
	return slow, nil
}

// command runs a program and returns what it printed.
func command(name string, args ...string) (string, error) {
	var out, errs bytes.Buffer
	cmd := exec.Command(name, args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, errs.Bytes())
	}
	return out.String(), nil
}

func median(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	return (v[len(v)/2] + v[(len(v)-1)/2]) / 2
}

// pair returns the two ends of a connection.
func pair() (a, b net.Conn, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, err
	}
	defer l.Close()
	if a, err = net.Dial("tcp", l.Addr().String()); err != nil {
		return nil, nil, err
	}
	if b, err = l.Accept(); err != nil {
		a.Close()
		return nil, nil, err
	}
	return a, b, nil
}

// pingPong sends a small message to and fro.
func pingPong(length time.Duration) (float64, error) {
	a, b, err := pair()
	if err != nil {
		return 0, err
	}
	defer a.Close()
	go func() {
		defer b.Close()
		io.CopyBuffer(struct{ io.Writer }{b}, struct{ io.Reader }{b}, make([]byte, 64))
	}()
	message := make([]byte, 64)
	n := 0
	start := time.Now()
	for time.Since(start) < length {
		for range 100 {
			if _, err := a.Write(message); err != nil {
				return 0, err
			}
			if _, err := io.ReadFull(a, message); err != nil {
				return 0, err
			}
			n++
		}
	}
	return float64(n) / time.Since(start).Seconds(), nil
}

// throughput sends as much as it can over one connection.
func throughput(length time.Duration) (float64, error) {
	a, b, err := pair()
	if err != nil {
		return 0, err
	}
	defer b.Close()
	go func() {
		defer a.Close()
		data := make([]byte, 64<<10)
		for {
			if _, err := a.Write(data); err != nil {
				return
			}
		}
	}()
	data := make([]byte, 64<<10)
	n := 0
	start := time.Now()
	for time.Since(start) < length {
		m, err := b.Read(data)
		if err != nil {
			return 0, err
		}
		n += m
	}
	return float64(n) / 1e6 / time.Since(start).Seconds(), nil
}

// requests has that many clients ask an HTTP server again and again.
func requests(length time.Duration, clients int) (float64, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	body := bytes.Repeat([]byte("tinynet "), 16)
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Write(body) })}
	go server.Serve(l)
	defer server.Close()
	transport := &http.Transport{MaxIdleConnsPerHost: clients}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	url := "http://" + l.Addr().String()
	var done atomic.Int64
	var failed atomic.Pointer[error]
	var wg sync.WaitGroup
	start := time.Now()
	for range clients {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for time.Since(start) < length {
				if err := get(client, url); err != nil {
					failed.Store(&err)
					return
				}
				done.Add(1)
			}
		}()
	}
	wg.Wait()
	if err := failed.Load(); err != nil {
		return 0, *err
	}
	return float64(done.Load()) / time.Since(start).Seconds(), nil
}

func get(client *http.Client, url string) error {
	resp, err := client.Get(url)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, bufio.NewReader(resp.Body))
	return err
}

// dials connects, has the server close, and waits for that.
func dials(length time.Duration) (float64, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			c.Close()
		}
	}()
	n := 0
	start := time.Now()
	for time.Since(start) < length {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			return 0, err
		}
		c.Read(make([]byte, 1))
		c.Close()
		n++
	}
	return float64(n) / time.Since(start).Seconds(), nil
}
