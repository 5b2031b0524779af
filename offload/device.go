package offload

import (
	"net/netip"
	"time"
	"unsafe"

	"tinynet/netdev"
	"tinynet/netlink"
)

// Times are how long the engine waits. The zero value of a field stands for
// its default.
type Times struct {
	Check time.Duration // between two looks at the link; 500 ms
	Retry time.Duration // between two attempts to join; 500 ms
	Dial  time.Duration // for a connection, should the chip never say that it failed; 30 s
}

// Device is the user's side of the engine: a network device. It implements
// netdev.Netdever, LocalAddrer, Deadliner, Datagrammer, Shutdowner and
// HostLookuper, and netlink.Netlinker. Its methods may be called by several
// goroutines at once.
type Device struct {
	// A *device, which is not said because the board's program would describe it,
	// and what it leads to, in flash.
	p unsafe.Pointer
}

func (u *Device) dev() *device { return (*device)(u.p) }

// device is the state of a Device.
type device struct {
	// mu guards the fields down to poll. It is held for moments, never across an
	// exchange or anything else that waits. (What is used most comes first: it is within
	// reach of the smaller processors' shorter instructions.)
	mu        mutex
	bus       gate
	up        bool
	cancel    bool // NetDisconnect waits for link
	running   bool // the poller's goroutine exists
	stop      bool // and has to end
	notifying bool
	nevents   uint8
	limit     uint8   // sockets that the chip has
	lastPort  uint16  // last port given by the engine
	waiters   *waiter // calls in progress
	spare     *waiter // waiters of calls that are over
	sockets   []Socket
	active    instant     // last traffic on any socket
	ip6       *netip.Addr // nil if the chip has no IPv6
	ip        netip.Addr
	events    [4]netlink.Event // not told yet
	notify    func(netlink.Event)
	poll      poller

	resolving bool // a look-up holds the bus
	chip      Chip
	sig       Signaller // chip, if it is one
	clock     clock
	current   *waiter // the call that holds the bus, or nil
	until     instant // when a look-up that holds the bus has to end

	// link is held by who brings the link up or down, which is to hold
	// the two fields below it. It is taken before the bus and before mu.
	link    gate
	started bool                   // the chip has been started and answers
	params  *netlink.ConnectParams // of the last NetConnect

	cfg Config
}

var (
	_ netdev.Netdever     = (*Device)(nil)
	_ netdev.LocalAddrer  = (*Device)(nil)
	_ netdev.Deadliner    = (*Device)(nil)
	_ netdev.Datagrammer  = (*Device)(nil)
	_ netdev.Shutdowner   = (*Device)(nil)
	_ netdev.HostLookuper = (*Device)(nil)
	_ netlink.Netlinker   = (*Device)(nil)
)

// New returns the engine for a chip. The chip is not touched before
// NetConnect.
func New(chip Chip, cfg Config) *Device {
	if cfg.Times.Check <= 0 {
		cfg.Times.Check = 500 * time.Millisecond
	}
	if cfg.Times.Retry <= 0 {
		cfg.Times.Retry = 500 * time.Millisecond
	}
	if cfg.Times.Dial <= 0 {
		cfg.Times.Dial = 30 * time.Second
	}
	d := &device{
		chip:    chip,
		cfg:     cfg,
		clock:   startClock(),
		limit:   uint8(cfg.Sockets),
		sockets: make([]Socket, cfg.Sockets),
	}
	d.poll.kick, d.poll.most = newBell(), signalMax
	d.sig, _ = chip.(Signaller)
	if cfg.Buffer > 0 {
		needingBuffers()
		all := make([]byte, cfg.Sockets*cfg.Buffer)
		for i := range d.sockets {
			d.sockets[i].ring.buf = all[i*cfg.Buffer : (i+1)*cfg.Buffer : (i+1)*cfg.Buffer]
		}
	}
	return &Device{unsafe.Pointer(d)}
}

// Engine returns the driver's side of the device.
func (u *Device) Engine() *Engine { return (*Engine)(u.p) }

// instant is a moment as the time of the device's clock; 0 is none.
type instant int64

func (d *device) now() instant { return instant(d.clock.elapsed()) + 1 }

// earlier returns the earlier of two instants, of which a may be none.
//
//go:noinline
func earlier(a, b instant) instant {
	if a == 0 || b < a {
		return b
	}
	return a
}
