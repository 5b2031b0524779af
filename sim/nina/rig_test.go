package nina

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tinynet/sim/clock"
	"tinynet/sim/network"
)

// rig is a chip on a virtual clock, with a host that keeps to the handshake.
type rig struct {
	*testing.T
	c     *Chip
	st    *fakeStation // of the last Attach
	trace []string
	links []string
}

// run makes a chip and runs the test in a bubble, after the chip has booted.
func run(t *testing.T, cfg Config, test func(r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, cfg)
		time.Sleep(750 * time.Millisecond)
		test(r)
	})
}

func newRig(t *testing.T, cfg Config) *rig {
	r := &rig{T: t, st: newFakeStation()}
	if cfg.Clock == nil {
		cfg.Clock = clock.Virtual()
	}
	st := r.st
	cfg.Attach = func(p network.Params) network.Station {
		if st == nil {
			st = newFakeStation()
			r.st = st
		}
		s := st
		st = nil
		s.params = p
		return s
	}
	cfg.AttachAP = func(p network.Params, ap network.AccessPoint) network.Station {
		r.st = newFakeStation()
		r.st.params, r.st.ap = p, &ap
		return r.st
	}
	cfg.Trace = func(e Event) { r.trace = append(r.trace, e.String()) }
	cfg.LinkEvent = func(e LinkEvent) { r.links = append(r.links, e.Kind.String()+" "+e.SSID) }
	r.c = New(cfg)
	t.Cleanup(func() {
		r.c.Close()
		if t.Failed() {
			t.Log("trace:\n" + strings.Join(r.trace, "\n"))
		}
	})
	return r
}

func unhex(s string) []byte {
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		panic(err)
	}
	return b
}

// await polls READY until it has the level: each look passes time.
func (r *rig) await(level bool) {
	r.Helper()
	for i := 0; r.c.Ready().Get() != level; i++ {
		if i > 2000 {
			time.Sleep(time.Millisecond)
		}
		if i > 200_000 {
			r.Fatalf("READY does not become %v", level)
		}
	}
}

// command is the first half of an exchange.
func (r *rig) command(frame []byte) {
	r.Helper()
	r.await(false)
	r.c.CS().Low()
	r.await(true)
	r.c.SPI().Tx(frame, nil)
	r.c.CS().High()
}

// fetch is the second half.
func (r *rig) fetch(n int) []byte {
	r.Helper()
	r.await(false)
	r.c.CS().Low()
	r.await(true)
	in := make([]byte, n)
	r.c.SPI().Tx(nil, in)
	r.c.CS().High()
	return in
}

// pending returns the length of the reply that waits.
func (r *rig) pending() int {
	r.c.lock()
	defer r.c.unlock()
	return len(r.c.reply)
}

// x sends a frame and expects a reply, of exactly that length.
func (r *rig) x(send, expect string) {
	r.Helper()
	want := unhex(expect)
	r.command(unhex(send))
	r.await(false)
	if n := r.pending(); n != len(want) {
		r.Fatalf("-> %s\nreply has %d bytes, want %d: % X", send, n, len(want), r.fetch(n))
	}
	if got := r.fetch(len(want)); string(got) != string(want) {
		r.Fatalf("-> %s\n<- % X\nwant %s", send, got, expect)
	}
}

// ask sends a command with parameters of one-byte lengths and returns the
// first parameter of the reply; nil if there is none.
func (r *rig) ask(command byte, params ...[]byte) []byte {
	r.Helper()
	r.command(build(command, params...))
	return r.answer()
}

func build(command byte, params ...[]byte) []byte {
	wide := strings.IndexByte("\x40\x44\x45\x46\x77\x79", command) >= 0
	f := []byte{0xe0, command, byte(len(params))}
	for _, p := range params {
		if wide {
			f = append(f, byte(len(p)>>8))
		}
		f = append(append(f, byte(len(p))), p...)
	}
	f = append(f, 0xee)
	for len(f)%4 != 0 {
		f = append(f, 0xff)
	}
	return f
}

func (r *rig) answer() []byte {
	r.Helper()
	p := r.answers()
	if len(p) == 0 {
		return nil
	}
	return p[0]
}

func (r *rig) answers() [][]byte {
	r.Helper()
	r.await(false)
	f := r.fetch(r.pending())
	if f[0] != 0xe0 {
		return nil
	}
	wide := strings.IndexByte("\xc5\xf8\xfa", f[1]) >= 0
	var params [][]byte
	p := f[3:]
	for range f[2] {
		n := int(p[0])
		p = p[1:]
		if wide {
			n = n<<8 | int(p[0])
			p = p[1:]
		}
		params = append(params, p[:n])
		p = p[n:]
	}
	if p[0] != 0xee {
		r.Fatalf("no EE at the end of % X", f)
	}
	return params
}

// is fails unless got is want.
func (r *rig) is(what string, got, want any) {
	r.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		r.Fatalf("%s is %v, want %v", what, got, want)
	}
}

// join joins an access point that takes anybody.
func (r *rig) join() {
	r.Helper()
	r.is("answer", r.ask(0x11, []byte("home"), []byte("passw0rd")), []byte{1})
	time.Sleep(2 * time.Second)
	r.is("status", r.status(), 3)
}

func b(v ...byte) []byte { return v }

func (r *rig) status() byte { r.Helper(); return r.ask(0x20)[0] }

// The commands that most tests are made of.

func (r *rig) socket() byte             { r.Helper(); return r.ask(0x3f)[0] }
func (r *rig) state(slot byte) byte     { r.Helper(); return r.ask(0x2f, b(slot))[0] }
func (r *rig) stop(slot byte)           { r.Helper(); r.ask(0x2e, b(slot)) }
func (r *rig) avail(slot byte) int      { r.Helper(); return le(r.ask(0x2b, b(slot), b(0))) }
func (r *rig) accept(slot byte) int     { r.Helper(); return le(r.ask(0x2b, b(slot), b(1))) }
func (r *rig) listening(slot byte) byte { r.Helper(); return r.ask(0x29, b(slot))[0] }

func le(p []byte) int { return int(p[0]) | int(p[1])<<8 }

func (r *rig) send(slot byte, data string) int {
	r.Helper()
	return le(r.ask(0x44, b(slot), []byte(data)))
}

func (r *rig) recv(slot byte, most int) string {
	r.Helper()
	return string(r.ask(0x45, b(slot), b(byte(most), byte(most>>8))))
}

// connect opens a TCP connection to 10.0.0.9 in a slot; nil if that fails.
func (r *rig) connect(slot byte, port uint16) *fakeConn {
	r.Helper()
	if r.ask(0x2d, b(10, 0, 0, 9), b(byte(port>>8), byte(port)), b(slot), b(0)) == nil {
		return nil
	}
	return r.st.conns[len(r.st.conns)-1]
}

// peer opens a TCP connection that must succeed.
func (r *rig) peer(slot byte) *fakeConn {
	r.Helper()
	r.st.open[netip.MustParseAddrPort("10.0.0.9:80")] = true
	c := r.connect(slot, 80)
	if c == nil {
		r.Fatal("connect failed")
	}
	return c
}

// listen starts a server.
func (r *rig) listen(slot byte, port uint16, mode byte) byte {
	r.Helper()
	return r.ask(0x28, b(byte(port>>8), byte(port)), b(slot), b(mode))[0]
}

// settle lets the GPIO0 task see what there is.
func (r *rig) settle() { time.Sleep(30 * time.Millisecond) }

func (r *rig) gpio0() bool { return r.c.GPIO0().Get() }

func (r *rig) traced(part string) bool {
	return strings.Contains(strings.Join(r.trace, "\n"), part)
}

func (r *rig) hung(note string) {
	r.Helper()
	time.Sleep(time.Second)
	if !r.c.Ready().Get() {
		r.Fatal("READY fell, though the chip should hang")
	}
	if !r.traced("chip hangs: " + note) {
		r.Fatalf("the trace does not say that the chip hangs: %s", note)
	}
	r.restart()
	r.is("version", string(r.ask(0x37)), r.c.v.version+"\x00")
}

// restart resets the chip as hosts do.
func (r *rig) restart() {
	g := r.c.GPIO0()
	g.Output()
	g.High()
	r.c.CS().High()
	r.c.Reset().Low()
	time.Sleep(10 * time.Millisecond)
	r.c.Reset().High()
	time.Sleep(750 * time.Millisecond)
	g.Low()
	g.Input()
}

func addr(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }

func dotted(a [4]byte) string { return netip.AddrFrom4(a).String() }
func itoa(n int) string       { return strconv.Itoa(n) }
