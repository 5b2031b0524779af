package espat

// startUp finds the module, whatever it was doing, restarts it, and sets it up.
func (c *chip) startUp() fault {
	if err := c.setup(); err != 0 {
		return err
	}
	for try := 0; ; try++ {
		err := c.start1()
		if try == 2 || err != errGarbled && err != errRefused && (err != errNoAnswer || c.ill != 0) {
			return err
		}
		// Noise at power-up, or a speed that does not work.
	}
}

// setup finds the UART.
func (c *chip) setup() fault {
	cfg := &c.cfg
	if cfg.Baud == 0 {
		cfg.Baud = 115200
	}
	if err := c.openUART(); err != 0 {
		return err
	}
	if c.baud == 0 {
		c.baud = cfg.Baud
	}
	if needRates && (cfg.MaxBaud != 0 && cfg.MaxBaud != cfg.Baud && !c.canSet() || cfg.FlowControl && cfg.SetUART == nil) {
		return c.because(errNoRate)
	}
	return 0
}

// canSet reports whether the UART's speed can be set.
func (c *chip) canSet() bool { return needSetter && c.cfg.SetUART != nil || c.canSetUART() }

// setBaud sets the speed of this end.
func (c *chip) setBaud(baud uint32, flow bool) fault {
	c.baud = baud
	c.wire.r, c.wire.w, c.wire.n, c.wire.need = 0, 0, 0, 0
	if needSetter && c.cfg.SetUART != nil {
		if c.cfg.SetUART(baud, flow) != nil {
			return errRate
		}
		return 0
	}
	return c.setUART(baud)
}

// forget puts the driver into the state in which a restarted module is.
func (c *chip) forget() {
	c.session = session{}
	c.closing = noLink
	c.jobConn, c.jobLink, c.readConn, c.dataConn, c.server, c.sentConn = noConn, noLink, noConn, noConn, noConn, noConn
	c.pool = pool{buf: c.pool.buf[:0]}
	c.wire.dst, c.wire.need, c.wire.reply = nil, 0, false
	c.left = c.now() - 40*c.lim().guard
	for i := range c.conns {
		c.conns[i].renew(connFree, 0)
	}
}

func (c *chip) start1() fault {
	c.forget()
	c.booting = true
	err := c.restart()
	c.booting = false
	if err != 0 {
		return err
	}
	for _, cmd := range [...]string{"E0", "+SYSSTORE=0"} {
		// The second is new with 2.1. Before, some settings are kept in flash.
		if err := c.at(cmd).run(); err != 0 && cmd == "E0" {
			return err
		}
	}
	c.quiet = true
	if err := c.identify(); err != 0 {
		return err
	}
	if err := c.raise(); err != 0 {
		return err
	}
	if err := c.at("+CIPMUX=1").run(); err != 0 {
		return err
	}
	// With the peer's address in the news of a connection none has to be asked for.
	if err := c.optional(c.cur("+SYSMSG").raw("2")); err != 0 {
		return err
	}
	if err := c.receiveMode(); err != 0 {
		return err
	}
	// Small segments go out at once, as Go's do; what the peer does not take ends
	// the connection, and not only that, in time.
	if err := c.optional(c.at("+CIPTCPOPT=5,-1,1,").num(sendTimeout)); err != 0 {
		return err
	}
	if needIPv6 && c.cfg.IPv6 && c.fw.ipv6() {
		err := c.at("+CIPV6=1").run()
		if err != 0 && err != errRefused {
			return err
		}
		c.v6 = err == 0
	}
	c.knows6("")
	return 0
}

// optional runs the command that was built, which the firmware may not have.
func (c *chip) optional(*chip) fault {
	if err := c.run(); err != errRefused {
		return err
	}
	return 0
}

// sendTimeout is how long a peer may take nothing of what is sent to it, in
// milliseconds: the module does nothing else meanwhile.
const sendTimeout = 10000

// receiveMode makes the module keep what it receives until it is asked, if it can.
func (c *chip) receiveMode() fault {
	c.passive = false
	if c.cfg.Active {
		return 0
	}
	cmd := "+CIPRECVMODE=1"
	if c.fw.perLink() {
		cmd = "+CIPRECVTYPE=5,1"
	}
	err := c.at(cmd).run()
	c.passive = err == 0
	if err == errRefused {
		err = 0
	}
	return err
}

// passiveLink makes a link, which perhaps was that of a datagram socket, keep what it
// receives again.
func (c *chip) passiveLink(link int) fault {
	if !needDatagrams || c.active&bit(link) == 0 {
		return 0
	}
	err := c.at("+CIPRECVTYPE=").num(link).raw(",1").run()
	if err == 0 {
		c.active &^= bit(link)
	}
	return err
}

// pulse makes the module restart by its pin.
func (c *chip) pulse() {
	output(c.cfg.Reset)
	c.cfg.Reset.Low()
	c.lim().reset.sleep()
	c.booted = false
	c.cfg.Reset.High()
}

// restart makes the module restart, and waits until it takes commands.
func (c *chip) restart() fault {
	cfg := &c.cfg
	if needReset && cfg.Reset != nil {
		if err := c.setBaud(cfg.Baud, false); err != 0 {
			return err
		}
		c.pulse()
	} else {
		if err := c.find(); err != 0 {
			return err
		}
		// Even while it runs another command, it restarts for this.
		c.booted = false
		c.begun(jobPlain, stepFinal, c.lim().answer)
		c.writeText("AT+RST\r\n")
		c.settle()
		if c.step, c.busy = stepIdle, false; c.baud != cfg.Baud || c.flow {
			if err := c.setBaud(cfg.Baud, false); err != 0 {
				return err
			}
		}
	}
	c.flow = false
	var n nap
	for start := c.now(); !c.booted && c.since(start) < c.lim().boot; {
		c.sleep(&n)
		c.pump()
	}
	// It may have said so unheard.
	for range 3 {
		if c.hello(c.lim().probe) {
			return 0
		}
		c.hush()
	}
	// Or it starts with another speed, which somebody has set for good.
	if c.canSet() && c.find() == 0 && !c.busy {
		cfg.Baud = c.baud
		return 0
	}
	return errNoAnswer
}

// find makes the module answer: at the speed that was used last, at the one with which
// it starts, or at another. One that was powered together with the board is still
// starting, so it is given the time for that.
func (c *chip) find() fault {
	rates := [...]uint32{c.baud, c.cfg.Baud, c.cfg.MaxBaud, 115200, 921600, 2000000, 74880, 9600}
	for start := c.now(); c.since(start) < c.lim().boot; {
		for i, baud := range rates {
			if baud == 0 || i > 0 && (baud == rates[0] || i > 1 && baud == rates[1] || i > 2 && baud == rates[2]) {
				continue
			}
			if i > 0 && !c.canSet() {
				break
			}
			if i > 0 || c.rated {
				if err := c.setBaud(baud, c.flow && baud == c.cfg.MaxBaud); err != 0 {
					return err
				}
			}
			c.rated = true
			c.cancel()
			// What it has of a command spoils the first.
			for range 3 {
				if c.hello(c.lim().probe) || c.busy {
					return 0
				}
			}
		}
	}
	c.die()
	return errNoAnswer
}

// raise raises the speed, and switches on the flow control.
func (c *chip) raise() fault {
	cfg := &c.cfg
	baud := cfg.MaxBaud
	if baud == 0 {
		baud = cfg.Baud
	}
	if !needRates || baud == cfg.Baud && !cfg.FlowControl || c.slow == 2 {
		return 0
	}
	flow := 0
	if cfg.FlowControl {
		flow = 3 // RTS and CTS
	}
	if err := c.at("+UART_CUR=").num(int(baud)).raw(",8,1,0,").num(flow).run(); err != 0 {
		return err
	}
	c.lim().busy.sleep() // its answer still had the old speed
	if err := c.setBaud(baud, cfg.FlowControl); err != 0 {
		return err
	}
	c.flow, c.sense = cfg.FlowControl, false
	for range 3 {
		if c.hello(c.lim().probe) {
			c.slow = 0
			return 0
		}
		c.hush()
	}
	if !c.sense {
		// If that is not the first time the wires are not good enough: from now on
		// without.
		c.slow++
	}
	return errNoAnswer
}
