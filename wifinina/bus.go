package wifinina

import (
	"time"

	"tinynet/offload"
)

// SPI is the bus, as TinyGo's machine.SPI and *machine.SPI are: mode 0, most
// significant bit first, at most 8 MHz.
type SPI interface {
	// Tx writes w, reads r, or both at once if they are equally long. Either
	// may be nil.
	Tx(w, r []byte) error
	// Transfer writes and reads a byte.
	Transfer(b byte) (byte, error)
}

// Pin is a pin, as TinyGo's machine.Pin is. One that has methods Output() and
// Input() is made an output or an input by them.
type Pin interface {
	High()
	Low()
	Get() bool
}

// span is a time in units of 1024 ns, which fits into one word. As a clock it comes round
// after 73 minutes.
type span uint32

func spanOf(d time.Duration) span { return span(d >> 10) }

func (s span) duration() time.Duration { return time.Duration(s) << 10 }

// clock reads the engine's clock.
func (b *bus) clock() span { return spanOf(b.eng.Elapsed()) }

// limits are the times that the driver waits, gathered so that tests can
// shorten them.
type limits struct {
	reset   span // RESET held
	boot    span // after it until READY means something
	ready   span // after that for READY: a first boot formats the chip's file system
	spin    span // reading READY without a pause
	selects span // for READY to go high after CS went low, microseconds on a live chip
	command span // for a reply
	slow    span // for the reply to a command that restarts the radio
	resolve span // for the reply to a look-up: three servers that do not answer take 7 s each
	settle  span // for the state to settle after leaving a network
	join    span // between two looks at the state of a join
	dial    span // for a connection that the chip makes while it does nothing else
	grace   span // for a reply, once the call that waits for it has to end
}

var defaultLimits = limits{
	reset:   spanOf(10 * time.Millisecond),
	boot:    spanOf(750 * time.Millisecond),
	ready:   spanOf(10 * time.Second),
	spin:    spanOf(300 * time.Microsecond),
	selects: spanOf(20 * time.Millisecond),
	command: spanOf(3 * time.Second),
	slow:    spanOf(10 * time.Second),
	resolve: spanOf(25 * time.Second),
	settle:  spanOf(time.Second),
	join:    spanOf(50 * time.Millisecond),
	dial:    spanOf(30 * time.Second),
	grace:   spanOf(500 * time.Millisecond),
}

// bus is the wire to the chip. Whoever holds the engine's bus may make
// exchanges: a command and its reply, always both.
//
// A command is built in the bus's own small buffer. Data of sockets goes
// straight from and to the caller's buffer, in the same chip-select pulse.
type bus struct {
	spi         SPI
	cs, ack     Pin
	gpio0       Pin
	resetn      Pin
	resetIsHigh bool
	lim         *limits
	eng         *offload.Engine

	out   frame  // command under construction
	in    []byte // what was read of the reply, at most replyBuf
	outb  [frameBuf]byte
	inb   [replyBuf]byte
	phase phase
	fails int  // exchanges that failed since the last good one
	hung  bool // READY stayed high for longer than any command may take
	limit span // for the reply to the command under construction
	slow  span // of the engine's clock: until then a command that was given up may keep the chip busy
}

const (
	frameBuf = 264 // the longest command without data: cmdResolve with a name of 255 bytes
	replyBuf = 32  // the longest reply without data is 20 bytes
)

// phase is what the bus knows about the chip's state machine, which takes a
// command in one chip-select pulse and gives the reply in the next.
type phase uint8

const (
	inStep   phase = iota // the next pulse is a command
	replyDue              // the last command's reply was not awaited
	unsure                // it might be either
)

// maxFails is how many failed exchanges in a row mean a broken chip.
const maxFails = 3

func (b *bus) init(eng *offload.Engine) {
	b.eng = eng
	b.out.buf = b.outb[:0]
	b.lim = &defaultLimits
}

// broken reports whether the chip has to be reset.
func (b *bus) broken() bool { return b.hung || b.fails >= maxFails }

// reset restarts the chip and waits until it takes commands.
func (b *bus) reset() fault {
	// CS high selects SPI and not Bluetooth over UART, GPIO0 high the
	// firmware and not the boot loader.
	b.drivePins()
	b.setReset(true)
	time.Sleep(b.lim.reset.duration())
	b.setReset(false)
	time.Sleep(b.lim.boot.duration())
	b.freeGPIO0()
	b.phase = inStep
	b.fails, b.hung, b.slow = 0, false, 0
	if !b.awaitReady(false, b.lim.ready, never) {
		return errNoAnswer
	}
	return 0
}

// start begins a command of n parameters; the caller adds them to the result.
func (b *bus) start(cmd byte, n int) *frame {
	b.limit = b.lim.command
	b.out.start(cmd, n)
	return &b.out
}

// within says how long the reply to the command under construction may take, if that
// is not the common limit.
func (b *bus) within(limit span) *bus {
	b.limit = limit
	return b
}

// ask sends the command under construction and reads its reply of n
// parameters, expected to be size bytes long with its padding.
func (b *bus) ask(n, size int) fault {
	return b.askWith(nil, n, size)
}

// askWith is ask for a command that ends with data.
func (b *bus) askWith(data []byte, n, size int) fault {
	if err := b.request(data); err != 0 {
		return err
	}
	_, err := b.reply(n, size, true)
	return b.finish(err)
}

// askByte is ask for a reply that is one byte.
func (b *bus) askByte() (byte, fault) {
	if err := b.ask(1, 8); err != 0 {
		return 0, err
	}
	p := b.param(0)
	if len(p) != 1 {
		return 0, b.nonsense()
	}
	return p[0], 0
}

// param returns parameter i of the reply that was read.
func (b *bus) param(i int) []byte { return replyParam(b.in, b.out.buf[1], i) }

// nonsense notes that a reply was well formed and yet not what it must be.
//
//go:noinline
func (b *bus) nonsense() fault {
	b.phase = unsure
	b.fails++
	return errGarbled
}

// request sends the command under construction with data at its end and waits
// for the reply. If it returns nil, the chip is selected and the reply is to
// be read by reply and body; then comes finish.
func (b *bus) request(data []byte) fault {
	if b.out.bad || len(b.out.buf)+len(data)+1 > maxFrame {
		return errFrame
	}
	if b.phase != inStep {
		if err := b.resync(); err != 0 {
			if err != errLate {
				b.fails++
			}
			return err
		}
	}
	err := b.command(b.out.buf, data, b.limit)
	if err != 0 && err != errLate {
		b.fails++
	}
	return err
}

// command makes the first half of an exchange and selects the chip for the
// second.
func (b *bus) command(head, data []byte, limit span) fault {
	if !b.awaitReady(false, limit, 0) {
		return b.late() // nothing was sent: the phase is as it was
	}
	if err := b.choose(); err != 0 {
		return err
	}
	failed := !b.tx(head, nil)
	if !failed && len(data) > 0 {
		failed = !b.tx(data, nil)
	}
	failed = failed || !b.tx(tail(len(head)+len(data)), nil)
	b.setCS(true)
	if failed {
		b.phase = unsure
		return errSPI
	}
	b.phase = replyDue
	grace := b.lim.grace
	if limit > b.lim.slow {
		grace = 0 // what the chip waits for, it waits for long
		b.slow = b.clock() + limit
	}
	if !b.awaitReady(false, limit, grace) {
		return b.late()
	}
	b.slow = 0
	return b.choose()
}

// late returns the error of a chip that was waited for in vain, because it
// hangs or because the call that waits has to end.
func (b *bus) late() fault {
	if b.eng.Interrupted() != nil {
		return errLate
	}
	b.hung = true
	return errNoAnswer
}

// choose pulls CS low and waits for the chip to notice.
func (b *bus) choose() fault {
	b.setCS(false)
	if !b.awaitReady(true, b.lim.selects, never) {
		b.setCS(true)
		b.phase = unsure
		return errNoSelect
	}
	return 0
}

// reply reads size bytes of a reply with n parameters, and if whole is set as
// many more as it turns out to need. It returns the length of the reply.
func (b *bus) reply(n, size int, whole bool) (int, fault) {
	b.in = b.inb[:0]
	for {
		have := len(b.in)
		b.in = b.inb[:size]
		if !b.tx(nil, b.in[have:]) {
			return 0, errSPI
		}
		need, err := replyLen(b.in, b.out.buf[1], n)
		if err != 0 || need <= size || !whole {
			return need, err
		}
		if need > replyBuf {
			return 0, errGarbled
		}
		size = need
	}
}

// body reads dst from a reply whose header has been read, and its end mark if
// that follows.
func (b *bus) body(dst []byte, last bool) fault {
	if len(dst) > 0 && !b.tx(nil, dst) {
		return errSPI
	}
	if last {
		if !b.tx(nil, b.inb[:1]) {
			return errSPI
		}
		if b.inb[0] != frameEnd {
			return errGarbled
		}
	}
	return 0
}

// finish ends the exchange, whose reply is lost if it was not read: to read
// less than all of it is fine.
func (b *bus) finish(err fault) fault {
	b.setCS(true)
	b.phase = inStep
	b.fails, b.hung = 0, false
	if err != 0 {
		// A refusal is what the chip says to a command that it read out of
		// step, too.
		b.phase = unsure
		b.fails++
	}
	return err
}

// versionFrame asks for the firmware version, which has no side effect. Its end
// comes from tail.
var versionFrame = [3]byte{frameStart, cmdFirmwareVersion, 0}

// resync finds the beat again after an exchange that was given up or went
// wrong. A pulse out of step does no harm: the chip ignores what is sent
// while a reply is due, and refuses the zeros that a read sends as a command.
func (b *bus) resync() fault {
	drop := b.phase == replyDue
	err := errNoAnswer
	for try := 0; try < 4; try++ {
		if drop {
			limit := b.lim.command
			if left := b.slow - b.clock(); b.slow != 0 && left <= b.lim.dial {
				limit = max(limit, left)
			}
			if !b.awaitReady(false, limit, 0) {
				return b.late()
			}
			if err := b.choose(); err != 0 {
				return err
			}
			b.tx(nil, b.inb[:minReply])
			b.setCS(true)
		}
		b.phase = unsure
		if err = b.command(versionFrame[:], nil, b.lim.command); err != 0 {
			return err
		}
		b.tx(nil, b.inb[:minReply])
		b.setCS(true)
		if _, err = replyLen(b.inb[:minReply], cmdFirmwareVersion, 1); err == 0 {
			b.phase = inStep
			return 0
		}
		b.phase = unsure
		// That was no reply, so either the command was swallowed or its reply
		// was damaged. One pulse more shifts the beat by one.
		drop = true
	}
	return err
}

// never is a grace that does not end.
const never = ^span(0)

// awaitReady waits until the READY pin is at the given level: low is ready,
// high is busy. It gives up after limit, or grace after the call for which it
// waits has to end.
func (b *bus) awaitReady(level bool, limit, grace span) bool {
	if b.ackLevel() == level {
		return true
	}
	start := b.clock()
	// Most commands are done within the spin. The count bounds it should
	// time stand still.
	for n := 1; n < 4096; n++ {
		if b.ackLevel() == level {
			return true
		}
		if n&15 == 0 && b.clock()-start >= b.lim.spin {
			break
		}
	}
	over := never // when the call had to end
	for step := 50 * time.Microsecond; ; step = min(2*step, time.Millisecond) {
		time.Sleep(step)
		if b.ackLevel() == level {
			return true
		}
		waited := b.clock() - start
		if waited >= limit {
			return false
		}
		b.eng.Waiting()
		if grace == never {
			continue
		}
		if over == never && b.eng.Interrupted() != nil {
			over = waited
		}
		if over != never && waited-over >= grace {
			return false
		}
	}
}
