package network

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"tinynet/sim/clock"
)

// VirtualConfig describes a network in memory. The zero value is one without
// delay and loss, on the free-running clock.
type VirtualConfig struct {
	Clock clock.Clock   // nil: clock.Free()
	RTT   time.Duration // round trip between any two
	Loss  float64       // share of segments and datagrams that is lost, 0 up to but not 1
	Seed  uint64        // decides which; the same seed and traffic lose the same

	// Hosts are names that the DNS knows, besides "host". A loopback address
	// stands for 10.0.0.1.
	Hosts map[string]netip.Addr
}

// Virtual is a network that is wholly in memory, for tests: boards (Station)
// and machines whose connections are net.Conns (Host, HostAt).
//
// TCP is modelled segment by segment. What a peer writes in one go is cut into
// segments of the chip's MSS, with PSH on the last; a sender has at most the
// receiver's window in flight and unread, and hears of acknowledgements half a
// round trip later, and so of what reads have freed of the window once that is
// a segment, or a quarter of the window. A lost segment arrives a round trip
// and 200 ms late, and what was sent behind it with it; acknowledgements are
// never lost. There is no congestion control, and frames take no time but
// RTT/2 each. A UDP datagram that is lost stays lost.
type Virtual struct {
	Conditions
	f     *fabric
	hosts map[string]netip.Addr

	mu  sync.Mutex
	aps []*accessPoint // boards that are access points
}

// NewVirtual returns a network without anybody on it but the host, 10.0.0.1.
// It panics if the configuration makes no sense.
func NewVirtual(cfg VirtualConfig) *Virtual {
	hosts, err := checkHosts(cfg.Hosts)
	switch {
	case err != nil:
		panic("network: " + err.Error())
	case !(cfg.Loss >= 0 && cfg.Loss < 1):
		panic(fmt.Sprintf("network: loss is %v, not in [0, 1)", cfg.Loss))
	case cfg.RTT < 0:
		panic(fmt.Sprintf("network: round trip of %v", cfg.RTT))
	}
	f := newFabric(cfg.Clock, Subnet, HostAddr)
	f.delay = cfg.RTT / 2
	f.loss = cfg.Loss
	f.seed = cfg.Seed
	f.silent = true
	v := &Virtual{f: f, hosts: hosts}
	v.Conditions.add(f)
	v.HostAt(HostAddr)
	return v
}

// Station attaches a board at the lowest free address from 10.0.0.2 on: a
// board that closes its station and asks for another gets the same address. It
// panics if all 253 are taken.
//
// A link that is down is silence to the peers: they find out by a reset if
// they send something that is answered, or retransmitted, after the link is up
// again. It is the same when a station is closed and a new one takes its
// address.
func (v *Virtual) Station(p Params) Station { return newStation(v.f, p, v.lookup) }

func (v *Virtual) lookup(ctx context.Context, name string) (netip.Addr, error) {
	addr, known, err := lookupKnown(v.hosts, name)
	if !known {
		err = ErrUnknownHost
	}
	return addr, errors.Join(v.f.roundTrip(ctx), err)
}

// Host returns the developer's machine, at 10.0.0.1.
func (v *Virtual) Host() *VirtualHost { return v.HostAt(HostAddr) }

// HostAt returns the machine at an IPv4 address, in the subnet or beyond. It
// is added if there is none. It panics if the address is no machine's, or that
// of a board.
func (v *Virtual) HostAt(addr netip.Addr) *VirtualHost {
	addr = addr.Unmap()
	if !addr.Is4() || addr.IsUnspecified() || addr.IsLoopback() || addr.IsMulticast() || v.f.isBroadcast(addr) {
		panic(fmt.Sprintf("network: no machine can have the address %v", addr))
	}
	v.f.lock()
	defer v.f.unlock()
	n := v.f.nodes[addr]
	switch {
	case n == nil:
		n = v.f.attach(addr, hostParams, true)
	case !n.host:
		panic(fmt.Sprintf("network: %v is a board", addr))
	}
	return &VirtualHost{n: n}
}

// hostParams is the stack of a machine: ample.
var hostParams = Params{
	MSS:         1460,
	Window:      64 << 10,
	SendBuffer:  64 << 10,
	MaxDatagram: 65507,
	SynTimeout:  127_000, // Linux: 6 retries
}
