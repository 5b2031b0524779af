package nina

import (
	"bytes"
	"io"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"tinynet/sim/clock"
	"tinynet/sim/network"
)

// A host fetches 64 KB from a server through the chip and a server in the chip
// sends as much, over the network in memory: every byte arrives, and the window
// bounds the rate.
func TestStreamsOverANetwork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := network.NewVirtual(network.VirtualConfig{Clock: clock.Virtual(), RTT: 5 * time.Millisecond})
		r := newRig(t, Config{Clock: clock.Virtual()})
		r.c.Close()
		r.c = New(Config{Clock: clock.Virtual(), Attach: v.Station})
		defer r.c.Close()
		time.Sleep(750 * time.Millisecond)
		r.join()
		data := make([]byte, 64<<10)
		random := rand.NewChaCha8([32]byte{1})
		random.Read(data)

		l, err := v.Host().Listen(80)
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			c, err := l.Accept()
			if err == nil {
				c.Write(data)
				c.Close()
			}
		}()
		r.is("connect", r.ask(0x2d, b(10, 0, 0, 1), b(0, 80), b(0), b(0)), []byte{1})
		start := time.Now()
		var got []byte
		for r.state(0) == 4 {
			got = append(got, r.recv(0, 4086)...)
		}
		took := time.Since(start)
		r.is("everything arrived", bytes.Equal(got, data), true)
		most := time.Duration(float64(len(data)) / 5744 * 5 * float64(time.Millisecond))
		if took < most*9/10 || took > most*3 {
			t.Errorf("download took %v, the window allows %v", took, most)
		}
		l.Close()

		r.is("listen", r.listen(1, 80, 0), 1)
		fetched := make(chan []byte, 1)
		go func() {
			c, err := v.Host().Dial(t.Context(), addr("10.0.0.2:80"))
			if err != nil {
				fetched <- nil
				return
			}
			p, _ := io.ReadAll(c)
			fetched <- p
			c.Close()
		}()
		slot := 255
		for slot == 255 {
			time.Sleep(time.Millisecond)
			slot = r.accept(1)
		}
		for p := data; len(p) > 0; {
			n := r.send(byte(slot), string(p[:min(len(p), 4083)]))
			r.is("accepted sockets take everything", n, min(len(p), 4083))
			p = p[n:]
		}
		r.stop(byte(slot))
		r.is("everything was sent", bytes.Equal(<-fetched, data), true)
	})
}

func BenchmarkExchange(b *testing.B) {
	c := New(Config{})
	defer c.Close()
	ask, in := unhex(askVersion), make([]byte, 12)
	for b.Loop() {
		c.CS().Low()
		c.SPI().Tx(ask, nil)
		c.CS().High()
		c.CS().Low()
		c.SPI().Tx(nil, in)
		c.CS().High()
	}
}
