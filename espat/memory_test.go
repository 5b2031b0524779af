package espat

import (
	"net/netip"
	"runtime"
	"sync"
	"testing"
	"time"

	"tinynet/netdev"
	"tinynet/offload"
)

// quietUART answers from a table and allocates nothing.
type quietUART struct {
	mu   sync.Mutex
	in   []byte // for the driver
	need int    // data that are still to come
}

func (q *quietUART) Buffered() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.in)
}

func (q *quietUART) Read(p []byte) (int, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := copy(p, q.in)
	q.in = q.in[n:]
	return n, nil
}

const quietData = 64

var quietReplies = []struct {
	cmd   string
	reply []byte
}{
	{"AT+CIPSEND=", []byte("\r\nOK\r\n\r\n>")},
	{"AT+CIPRECVDATA=4,64", append(append([]byte("+CIPRECVDATA:64,"), make([]byte, quietData)...), "\r\nOK\r\n\r\n+IPD,4,64\r\n"...)},
	{"AT+GMR", []byte("AT version:4.1.1.0(1c34 - ESP32C3 - Jan 1 2024)\r\n\r\nOK\r\n")},
	{"AT+RST", []byte("\r\nOK\r\n\r\nready\r\n")},
	{"AT+CWJAP=", []byte("WIFI CONNECTED\r\nWIFI GOT IP\r\n\r\nOK\r\n")},
	{"AT+CIFSR", []byte("+CIFSR:STAIP,\"10.0.0.2\"\r\n\r\nOK\r\n")},
	{"AT+CWSTATE?", []byte("+CWSTATE:2,\"home\"\r\n\r\nOK\r\n")},
	{"AT+CIPSTATE?", []byte("+CIPSTATE:4,\"TCP\",\"10.0.0.1\",80,50000,0\r\n\r\nOK\r\n")},
	{"+++", nil},
	{"AT", []byte("\r\nOK\r\n")},
}

var quietSent = []byte("\r\nRecv 64 bytes\r\n\r\nSEND OK\r\n")

func (q *quietUART) Write(p []byte) (int, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.need > 0 {
		if q.need -= len(p); q.need <= 0 {
			q.in = quietSent
		}
		return len(p), nil
	}
	for i := range quietReplies {
		r := &quietReplies[i]
		if len(p) >= len(r.cmd) && string(p[:len(r.cmd)]) == r.cmd {
			q.in = r.reply
			if i == 0 {
				q.need = quietData
			}
			break
		}
	}
	return len(p), nil
}

// quick are limits for a module that answers at once.
func quick() *limits {
	l := defaultLimits
	l.guard, l.busy = millisecond, millisecond
	return &l
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func quietConfig(buffer int) *Config {
	return &Config{Ssid: "home", Passphrase: "passw0rd", Uart: &quietUART{}, Retries: 1, Buffer: buffer}
}

func quietDevice(t testing.TB, cfg *Config, l *limits) *Device {
	d := newDevice(cfg, offload.Times{})
	d.chip().limits = l
	must(t, d.NetConnect())
	return d
}

func TestSteadyStateDoesNotAllocate(t *testing.T) {
	d := quietDevice(t, quietConfig(0), quick())
	defer d.NetDisconnect()
	fd, err := d.Socket(netdev.AF_INET, netdev.SOCK_STREAM, netdev.IPPROTO_TCP)
	must(t, err)
	d.chip().eng.Take()
	d.chip().lastLink = 0 // the next is 4
	d.chip().eng.Give()
	must(t, d.Connect(fd, "", netip.MustParseAddrPort("10.0.0.1:80")))
	q := d.chip().wire.uart.(*quietUART)
	q.mu.Lock()
	q.in = []byte("\r\n+IPD,4,64\r\n")
	q.mu.Unlock()
	buf := make([]byte, quietData)
	deadline := time.Now().Add(time.Hour)
	if n := testing.AllocsPerRun(200, func() {
		if n, err := d.Send(fd, buf, 0, deadline); err != nil || n != quietData {
			t.Fatal(n, err)
		}
		if n, err := d.Recv(fd, buf, 0, deadline); err != nil || n != quietData {
			t.Fatal(n, err)
		}
		d.SetReadDeadline(fd, deadline)
	}); n != 0 {
		t.Errorf("%v allocations per Send and Recv", n)
	}
	udp, err := d.Socket(netdev.AF_INET, netdev.SOCK_DGRAM, netdev.IPPROTO_UDP)
	must(t, err)
	must(t, d.Bind(udp, netip.MustParseAddrPort("0.0.0.0:5000")))
	to := netip.MustParseAddrPort("10.0.0.1:9")
	if n := testing.AllocsPerRun(200, func() {
		if _, err := d.SendTo(udp, buf, 0, to, deadline); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations per datagram", n)
	}
	came := append([]byte("\r\n+IPD,3,64,\"10.0.0.1\",9:"), buf...)
	if n := testing.AllocsPerRun(200, func() {
		q.mu.Lock()
		q.in = came
		q.mu.Unlock()
		if n, from, err := d.RecvFrom(udp, buf, 0, deadline); err != nil || n != quietData || from != to {
			t.Fatal(n, from, err)
		}
	}); n != 0 {
		t.Errorf("%v allocations per datagram received", n)
	}
}

// What the driver takes of the heap, joined and with five datagram sockets, which are
// those that need a buffer. On 32 bits it has to be 6 KB at most, and 3 KB with a small
// buffer. A call that waits takes a waiter, which is the next call's when it is over; and
// goroutines, whose stacks come on top, are one of the device's own and those of the calls.
func TestMemory(t *testing.T) {
	const pointer = 4 << (^uintptr(0) >> 63) // bytes
	for _, tt := range []struct {
		name   string
		buffer int
		most   uint64
	}{
		{"default", 0, 6 << 10},
		{"small", 256, 3 << 10},
	} {
		var base, calls uint64
		for range 20 { // the runtime's own allocations can only add to it
			b, c := heapOf(t, quietConfig(tt.buffer))
			if base == 0 || b < base {
				base = b
			}
			if calls == 0 || c < calls {
				calls = c
			}
		}
		t.Logf("%s: %d bytes on %d bits, and %d for five blocked calls", tt.name, base, 8*pointer, calls)
		most := tt.most
		if pointer == 8 {
			most = most * 3 / 2
		}
		if base > most {
			t.Errorf("%s: %d bytes, want %d at most", tt.name, base, most)
		}
		if most := uint64(maxLinks * 40 * pointer); calls > most {
			t.Errorf("%s: %d bytes for five blocked calls, want %d at most", tt.name, calls, most)
		}
	}
}

// heapOf returns what a device with five datagram sockets allocates, and what a blocked call
// on each does.
func heapOf(t *testing.T, cfg *Config) (device, calls uint64) {
	// The goroutines are there before, and what the runtime keeps of those that have ended
	// does for the device's: neither is the driver's.
	var d *Device
	var fds [maxLinks]int
	var ended sync.WaitGroup
	for range 20 {
		ended.Add(1)
		go func() { time.Sleep(time.Millisecond); ended.Done() }()
	}
	ended.Wait()
	start := make(chan struct{})
	for i := range fds {
		ended.Add(1)
		go func() {
			defer ended.Done()
			buf := make([]byte, 1)
			<-start
			d.Recv(fds[i], buf, 0, time.Time{})
		}()
	}
	var a, b, c runtime.MemStats
	runtime.ReadMemStats(&a)
	d = quietDevice(t, cfg, quick())
	for i := range fds {
		var err error
		fds[i], err = d.Socket(netdev.AF_INET, netdev.SOCK_DGRAM, netdev.IPPROTO_UDP)
		must(t, err)
		must(t, d.Bind(fds[i], netip.AddrPortFrom(netip.IPv4Unspecified(), 0)))
	}
	runtime.ReadMemStats(&b)
	close(start)
	for d.Engine().Blocked() < maxLinks {
		time.Sleep(time.Millisecond)
	}
	runtime.ReadMemStats(&c)
	d.NetDisconnect()
	ended.Wait()
	return b.TotalAlloc - a.TotalAlloc, c.TotalAlloc - b.TotalAlloc
}
