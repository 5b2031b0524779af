package offload

import (
	"net/netip"
	"sync"
	"time"

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
	chip    Chip
	sig     Signaller // chip, if it is one
	cfg     Config
	elapsed func() time.Duration // since New; a time.Time in a field costs flash
	owner   chan struct{}        // full while somebody holds the bus
	current *waiter              // the call that holds the bus, or nil
	until   instant              // when a look-up that holds the bus has to end

	resolving bool // a look-up holds the bus

	// link is full while somebody brings the link up or down; who does holds
	// the fields below it. It is taken before the bus and before mu.
	link    chan struct{}
	started bool // the chip has been started and answers
	params  netlink.ConnectParams

	// mu guards what is below. It is held for moments, never across an
	// exchange or anything else that waits.
	mu        sync.Mutex
	up        bool
	cancel    bool // NetDisconnect waits for link
	running   bool // the poller's goroutine exists
	stop      bool // and has to end
	notifying bool
	nevents   uint8
	limit     uint8            // sockets that the chip has
	lastPort  uint16           // last port given by the engine
	events    [4]netlink.Event // not told yet
	ip        netip.Addr
	ip6       *netip.Addr // nil if the chip has no IPv6
	sockets   []Socket
	waiters   *waiter // calls in progress
	spare     *waiter // waiters of calls that are over
	active    instant // last traffic on any socket
	notify    func(netlink.Event)

	kick chan struct{} // full: the poller has to look again
	poll poller
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
	d := &Device{
		chip:    chip,
		cfg:     cfg,
		elapsed: stopwatch(),
		limit:   uint8(cfg.Sockets),
		sockets: make([]Socket, cfg.Sockets),
		owner:   make(chan struct{}, 1),
		link:    make(chan struct{}, 1),
		kick:    make(chan struct{}, 1),
	}
	d.sig, _ = chip.(Signaller)
	if cfg.Buffer > 0 {
		all := make([]byte, cfg.Sockets*cfg.Buffer)
		for i := range d.sockets {
			d.sockets[i].ring.buf = all[i*cfg.Buffer : (i+1)*cfg.Buffer : (i+1)*cfg.Buffer]
		}
	}
	return d
}

// Engine returns the driver's side of the device.
func (d *Device) Engine() *Engine { return (*Engine)(d) }

// instant is a moment as the time since the device was made; 0 is none.
type instant int64

func (d *Device) now() instant { return instant(d.elapsed()) + 1 }

// stopwatch returns a function that returns how long ago it was made.
func stopwatch() func() time.Duration {
	start := time.Now()
	return func() time.Duration { return time.Since(start) }
}

// instantOf converts a deadline.
func (d *Device) instantOf(t time.Time) instant {
	if t.IsZero() {
		return 0
	}
	now, left := d.now(), instant(time.Until(t))
	switch {
	case left > 0 && now+left < now:
		return 0 // beyond all times
	case now+left < 1:
		return 1
	}
	return now + left
}

// earlier returns the earlier of two instants, of which a may be none.
func earlier(a, b instant) instant {
	if a == 0 || b < a {
		return b
	}
	return a
}
