package wifinina

// The commands of slots. The caller holds the bus.

// Modes of cmdStartClient and cmdStartServer.
const (
	modeTCP   = 0
	modeUDP   = 1
	modeTLS   = 2
	modeGroup = 3 // of cmdStartServer
)

// startServer makes a slot listen, or binds its datagrams, and returns whether
// that worked.
func (b *bus) startServer(slot byte, port uint16, mode byte) (bool, fault) {
	f := b.start(cmdStartServer, 3)
	f.short(port)
	f.octet(slot)
	f.octet(mode)
	return yes(b.askByte())
}

// startGroup binds a slot's datagrams and joins a multicast group.
func (b *bus) startGroup(slot byte, group [4]byte, port uint16) (bool, fault) {
	f := b.start(cmdStartServer, 4)
	f.quad(&group)
	f.short(port)
	f.octet(slot)
	f.octet(modeGroup)
	return yes(b.askByte())
}

// serverState returns whether a slot listens.
func (b *bus) serverState(slot byte) (bool, fault) {
	b.start(cmdServerState, 1).octet(slot)
	return yes(b.askByte())
}

// startClient connects a slot, to a host if that is not empty, or names the
// target of its next datagram. The chip does nothing else until it is
// connected.
func (b *bus) startClient(slot byte, host string, to addr, mode byte) (bool, fault) {
	n := 4
	limit := b.lim.command
	if mode != modeUDP {
		limit = b.lim.dial
	}
	if host != "" {
		n++
	}
	f := b.start(cmdStartClient, n)
	if host != "" {
		f.text(host)
	}
	f.quad(&to.ip)
	f.short(to.port)
	f.octet(slot)
	f.octet(mode)
	if err := b.within(limit).request(nil); err != 0 {
		return false, err
	}
	_, err := b.reply(1, 8, true)
	if err == errGarbled {
		// A failure is a reply without parameters.
		if _, err = replyLen(b.in, cmdStartClient, 0); err == 0 {
			return false, b.finish(0)
		}
	}
	if err == 0 && b.in[3] != 1 {
		err = errGarbled
	}
	return err == 0 && b.in[4] == 1, b.finish(err)
}

// stopClient closes a slot's connection or datagrams and frees it.
func (b *bus) stopClient(slot byte) fault {
	b.start(cmdStopClient, 1).octet(slot)
	return b.acknowledged(b.askByte())
}

// peek looks at the next byte of a slot's connection, which makes the firmware
// notice its end. Never on TLS, which would lose the byte.
func (b *bus) peek(slot byte) fault {
	f := b.start(cmdGetByte, 2)
	f.octet(slot)
	f.octet(1)
	_, err := b.askByte()
	return err
}

// clientState returns whether the connection of a slot lasts or has unread
// data. Never for a slot with datagrams, unless it is to lose them.
func (b *bus) clientState(slot byte) (bool, fault) {
	b.start(cmdClientState, 1).octet(slot)
	v, err := b.askByte()
	return v == 4, err
}

// available returns how many bytes a slot has to read; of a listener the slot
// of a connection, 255 for none. The second parameter asks for any
// connection, since 1.6; without it one that has data is meant.
func (b *bus) available(slot byte) (uint16, fault) {
	f := b.start(cmdAvailable, 2)
	f.octet(slot)
	f.octet(0)
	if err := b.ask(1, 8); err != 0 {
		return 0, err
	}
	p := b.param(0)
	if len(p) != 2 {
		return 0, b.nonsense()
	}
	return uint16(p[0]) | uint16(p[1])<<8, 0
}

// remote returns the peer of a slot.
func (b *bus) remote(slot byte) (addr, fault) {
	b.start(cmdRemote, 1).octet(slot)
	if err := b.ask(2, 12); err != 0 {
		return addr{}, err
	}
	ip, port := b.param(0), b.param(1)
	if len(ip) != 4 || len(port) != 2 {
		return addr{}, b.nonsense()
	}
	return addr{[4]byte(ip), uint16(port[0])<<8 | uint16(port[1])}, 0
}

// sendSlot sends on a slot's connection and returns how many bytes were taken,
// 0 on errors too.
func (b *bus) sendSlot(slot byte, data []byte) (int, fault) {
	f := b.start(cmdSendSlot, 2)
	f.octet(slot)
	f.size(len(data))
	if err := b.askWith(data, 1, 8); err != 0 {
		return 0, err
	}
	p := b.param(0)
	if len(p) != 2 || int(p[0])|int(p[1])<<8 > len(data) {
		return 0, b.nonsense()
	}
	return int(p[0]) | int(p[1])<<8, 0
}

// insertUDP appends data to a slot's next datagram.
func (b *bus) insertUDP(slot byte, data []byte) (bool, fault) {
	f := b.start(cmdInsertUDP, 2)
	f.octet(slot)
	f.size(len(data))
	if err := b.askWith(data, 1, 8); err != 0 {
		return false, err
	}
	p := b.param(0)
	if len(p) != 1 {
		return false, b.nonsense()
	}
	return p[0] == 1, 0
}

// sendUDP sends a slot's datagram.
func (b *bus) sendUDP(slot byte) (bool, fault) {
	b.start(cmdSendUDP, 1).octet(slot)
	return yes(b.askByte())
}
