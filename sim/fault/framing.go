package fault

// part is what a byte of a frame is.
type part uint8

const (
	partStart     part = iota
	partNumber         // of the command
	partCount          // of parameters
	partLength         // first byte of a length
	partLengthLow      // second byte of a length that has two
	partArgument       // of a short parameter
	partPayload        // of the parameter that carries data
	partEnd            // end mark
	partPad            // behind it
)

// Framing is how a protocol's frames are laid out.
type Framing struct {
	start, end byte
	// wide reports whether lengths in frames of a command have two bytes, most
	// significant first, and payload which parameter of it, from 0, is data
	// rather than an argument; -1 if none is.
	wide    func(h Half, command byte) bool
	payload func(h Half, command byte) int
}

// NINA is the framing of WiFiNINA, in both directions: E0, number (bit 7 set in
// replies), count, { length, bytes } of each parameter, EE (nina-fw 2.0.0
// CommandHandler.cpp).
var NINA = Framing{
	start: 0xe0,
	end:   0xee,
	wide: func(h Half, command byte) bool {
		switch command & 0x7f {
		case 0x45:
			return true
		case 0x40, 0x44, 0x46, 0x77, 0x79:
			return h == Command
		case 0x78, 0x7a:
			return h == Reply
		}
		return false
	},
	payload: func(h Half, command byte) int {
		if h == Command {
			switch command {
			case 0x44, 0x46, 0x77: // send, insert UDP, send of BSD-like sockets
				return 1
			case 0x79: // sendto
				return 3
			}
			return -1
		}
		switch command & 0x7f {
		case 0x45, 0x78, 0x2c: // get buffer, recv, get byte
			return 0
		case 0x7a: // recvfrom
			return 2
		}
		return -1
	},
}

// parser tells the parts of one frame's bytes, in order.
type parser struct {
	f       *Framing
	half    Half
	n       int // bytes so far
	command byte
	left    int // parameters to come
	param   int // index of the current one
	length  int // bytes of it to come
	state   part
}

func (p *parser) begin(f *Framing, h Half) { *p = parser{f: f, half: h} }

// next returns what b is.
func (p *parser) next(b byte) part {
	now := p.state
	switch now {
	case partStart:
		p.state = partNumber
	case partNumber:
		p.command = b
		p.state = partCount
	case partCount:
		p.left = int(b)
		p.param = -1
		p.parameter()
	case partLength:
		p.length = int(b)
		if p.f.wide(p.half, p.command) {
			p.state = partLengthLow
		} else {
			p.bytes()
		}
	case partLengthLow:
		p.length = p.length<<8 | int(b)
		p.bytes()
	case partArgument, partPayload:
		if p.length--; p.length == 0 {
			p.parameter()
		}
	case partEnd:
		p.state = partPad
	}
	p.n++
	return now
}

// parameter goes on to the next parameter.
func (p *parser) parameter() {
	if p.left == 0 {
		p.state = partEnd
		return
	}
	p.left--
	p.param++
	p.state = partLength
}

// bytes goes on to a parameter's bytes.
func (p *parser) bytes() {
	switch {
	case p.length == 0:
		p.parameter()
	case p.param == p.f.payload(p.half, p.command):
		p.state = partPayload
	default:
		p.state = partArgument
	}
}
