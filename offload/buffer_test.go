package offload

import (
	"bytes"
	"net/netip"
	"testing"
)

// The ring holds what a queue of the same size would.
func FuzzRing(f *testing.F) {
	f.Add([]byte{10, 3, 200, 5, 77, 130, 1, 255})
	f.Fuzz(func(t *testing.T, ops []byte) {
		r := ring{buf: make([]byte, 50)}
		var queue []byte
		next := byte(0)
		for _, op := range ops {
			if op < 128 {
				p := make([]byte, op)
				for i := range p {
					next++
					p[i] = next
				}
				n := r.put(p)
				if want := min(len(p), 50-len(queue)); n != want {
					t.Fatalf("put of %d took %d, want %d", len(p), n, want)
				}
				queue = append(queue, p[:n]...)
				continue
			}
			p := make([]byte, op-128)
			n := r.take(p)
			if n != min(len(p), len(queue)) || !bytes.Equal(p[:n], queue[:n]) {
				t.Fatalf("took %v, the queue is %v", p[:n], queue)
			}
			queue = queue[n:]
		}
	})
}

func TestRingOfDatagrams(t *testing.T) {
	r := ring{buf: make([]byte, 100)}
	from := netip.MustParseAddrPort("10.0.0.1:4660")
	if n := r.putDatagram(make([]byte, 81), from); n != 0 || r.n != 0 {
		t.Errorf("%d bytes of a datagram that is too long", n)
	}
	r.putDatagram([]byte("one"), from)
	r.putDatagram(nil, from)
	r.putDatagram([]byte("three"), from)
	buf := make([]byte, 4)
	for _, want := range []string{"one", "", "thre"} {
		var peer netip.AddrPort
		n, ok := r.takeDatagram(buf, &peer)
		if string(buf[:n]) != want || peer != from || !ok {
			t.Errorf("%q from %v, %v; want %q", buf[:n], peer, ok, want)
		}
	}
	if _, ok := r.takeDatagram(buf, new(netip.AddrPort)); ok || r.n != 0 {
		t.Error("there is one more")
	}
}
