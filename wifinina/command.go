package wifinina

// Commands of nina-fw (CommandHandler.cpp, 2.0.0), and below one method for
// each. The caller of a method holds the bus.
const (
	cmdSetNet          = 0x10
	cmdSetPassphrase   = 0x11
	cmdSetIPConfig     = 0x14
	cmdSetDNS          = 0x15
	cmdSetHostname     = 0x16
	cmdSetPowerMode    = 0x17
	cmdSetAP           = 0x18
	cmdSetAPPassphrase = 0x19
	cmdGetDNS          = 0x1E // since 1.6
	cmdReason          = 0x1F
	cmdStatus          = 0x20
	cmdIPConfig        = 0x21
	cmdMAC             = 0x22
	cmdRSSI            = 0x25
	cmdScan            = 0x27
	cmdDisconnect      = 0x30
	cmdScanRSSI        = 0x32
	cmdScanEncryption  = 0x33
	cmdResolve         = 0x34
	cmdResolved        = 0x35
	cmdFirmwareVersion = 0x37
	cmdTime            = 0x3B
	cmdScanBSSID       = 0x3C
	cmdScanChannel     = 0x3D
	cmdPing            = 0x3E
	cmdEnterprise      = 0x40 // Arduino's
	cmdEntIdentity     = 0x4A // Adafruit's, as the next three
	cmdEntUser         = 0x4B
	cmdEntPassword     = 0x4C
	cmdEntEnable       = 0x4F
	cmdVersionNumber   = 0x5E // Arduino's, since 3.0

	// Slots.
	cmdStartServer = 0x28
	cmdServerState = 0x29
	cmdAvailable   = 0x2B
	cmdGetByte     = 0x2C
	cmdStartClient = 0x2D
	cmdStopClient  = 0x2E
	cmdClientState = 0x2F
	cmdSendUDP     = 0x39
	cmdRemote      = 0x3A
	cmdSendSlot    = 0x44
	cmdRecvSlot    = 0x45
	cmdInsertUDP   = 0x46

	// Descriptors, since 1.5.0.
	cmdSocket     = 0x70
	cmdClose      = 0x71
	cmdErrno      = 0x72
	cmdBind       = 0x73
	cmdListen     = 0x74
	cmdAccept     = 0x75
	cmdConnect    = 0x76
	cmdSend       = 0x77
	cmdRecv       = 0x78
	cmdSendTo     = 0x79
	cmdRecvFrom   = 0x7A
	cmdIoctl      = 0x7B
	cmdPoll       = 0x7C
	cmdSetSockOpt = 0x7D
	cmdGetSockOpt = 0x7E
)

// States that cmdStatus answers. 1 is "connecting" on Arduino's firmware and
// "no access point" on Adafruit's.
const (
	statusIdle           = 0
	statusConnecting     = 1
	statusConnected      = 3
	statusConnectFailed  = 4
	statusConnectionLost = 5
	statusDisconnected   = 6
	statusAPListening    = 7
	statusAPConnected    = 8
)

// Reasons that cmdReason answers (802.11 and ESP-IDF).
const (
	reasonAuthExpired      = 2
	reasonHandshakeTimeout = 15
	reasonNoAccessPoint    = 201
	reasonAuthFailed       = 202
	reasonHandshake        = 204
)

// Flags that cmdPoll answers.
const (
	pollReadable = 0x01 // data, the end of the stream, or a connection to accept
	pollWritable = 0x02
	pollError    = 0x04
	pollFail     = 0x80
)

// Error numbers that cmdErrno answers, newlib's.
const (
	errnoBadFD       = 9
	errnoAgain       = 11
	errnoNoMemory    = 12
	errnoConnReset   = 104
	errnoNoBuffers   = 105
	errnoConnAborted = 113
	errnoInProgress  = 119
	errnoAlready     = 120
)

// noFD is the descriptor that stands for none.
const noFD = 255

// Types of cmdSocket.
const (
	typeStream   = 1
	typeDatagram = 2
)

// addr is an IPv4 address and a port.
type addr struct {
	ip   [4]byte
	port uint16
}

var (
	// fionbio is the request number of cmdIoctl that makes a socket
	// non-blocking, _IOW('f', 126, unsigned long), and optReuse the option
	// SO_REUSEADDR of cmdSetSockOpt: lwIP's sockets.h, little-endian.
	fionbio      = [4]byte{0x7E, 0x66, 0x04, 0x80}
	optReuse     = [4]byte{0x04, 0x00, 0x00, 0x00}
	optKeepAlive = [4]byte{0x08, 0x00, 0x00, 0x00}
	optBroadcast = [4]byte{0x20, 0x00, 0x00, 0x00}
	optType      = [4]byte{0x08, 0x10, 0x00, 0x00}
	longOne      = [4]byte{1, 0, 0, 0}
	longZero     = [4]byte{0, 0, 0, 0}
)

// setNet starts to join an open network.
func (b *bus) setNet(ssid string) fault {
	b.start(cmdSetNet, 1).text(ssid)
	return b.acknowledged(b.within(b.lim.slow).askByte())
}

// setPassphrase starts to join a network protected by WPA or WPA2.
func (b *bus) setPassphrase(ssid, passphrase string) fault {
	f := b.start(cmdSetPassphrase, 2)
	f.text(ssid)
	f.text(passphrase)
	return b.acknowledged(b.within(b.lim.slow).askByte())
}

// setHostname sets the name that the chip gives to the DHCP server when it
// joins next.
func (b *bus) setHostname(name string) fault {
	b.start(cmdSetHostname, 1).text(name)
	return b.acknowledged(b.askByte())
}

// setPowerMode sets modem sleep: mode 0 is none.
func (b *bus) setPowerMode(mode byte) fault {
	b.start(cmdSetPowerMode, 1).octet(mode)
	_, err := b.askByte()
	return err
}

// reason returns why the station was disconnected last.
func (b *bus) reason() (byte, fault) {
	b.start(cmdReason, 0)
	return b.askByte()
}

// status returns the state of the station.
func (b *bus) status() (byte, fault) {
	b.start(cmdStatus, 0)
	return b.askByte()
}

// ipConfig returns the chip's address.
func (b *bus) ipConfig() (ip [4]byte, err fault) {
	b.start(cmdIPConfig, 1).octet(0xFF)
	if err := b.ask(3, 20); err != 0 {
		return ip, err
	}
	if len(b.param(0)) != 4 {
		return ip, b.nonsense()
	}
	copy(ip[:], b.param(0))
	return ip, 0
}

// mac returns the chip's MAC address in the order that the firmware sends.
func (b *bus) mac() (mac [6]byte, err fault) {
	b.start(cmdMAC, 1).octet(0xFF)
	if err := b.ask(1, 12); err != 0 {
		return mac, err
	}
	if len(b.param(0)) != 6 {
		return mac, b.nonsense()
	}
	copy(mac[:], b.param(0))
	return mac, 0
}

// disconnect leaves the network.
func (b *bus) disconnect() fault {
	b.start(cmdDisconnect, 1).octet(0xFF)
	_, err := b.within(b.lim.slow).askByte()
	return err
}

// resolve looks up a host and returns whether there is one of that name. The
// chip does nothing else meanwhile.
func (b *bus) resolve(name string) (ip [4]byte, ok bool, err fault) {
	b.start(cmdResolve, 1).text(name)
	found, err := b.within(b.lim.resolve).askByte()
	if err != 0 || found != 1 {
		return ip, false, err
	}
	b.start(cmdResolved, 0)
	if err := b.ask(1, 12); err != 0 {
		return ip, false, err
	}
	if len(b.param(0)) != 4 {
		return ip, false, b.nonsense()
	}
	copy(ip[:], b.param(0))
	return ip, ip != [4]byte{} && ip != [4]byte{255, 255, 255, 255}, 0
}

// firmwareVersion returns the firmware's version, such as "2.0.0".
func (b *bus) firmwareVersion() (string, fault) {
	b.start(cmdFirmwareVersion, 0)
	if err := b.ask(1, 12); err != 0 {
		return "", err
	}
	p := b.param(0)
	for i, c := range p {
		if c == 0 {
			p = p[:i]
			break
		}
		if c < ' ' || c > '~' {
			return "", b.nonsense()
		}
	}
	if len(p) == 0 {
		return "", b.nonsense()
	}
	return string(p), 0
}

// socket makes a socket and returns its descriptor, noFD if there is none to
// be had.
func (b *bus) socket(stype byte) (byte, fault) {
	f := b.start(cmdSocket, 2)
	f.octet(stype)
	f.octet(0)
	return b.askByte()
}

// nonBlocking makes the calls on a socket return at once.
func (b *bus) nonBlocking(fd byte) fault {
	f := b.start(cmdIoctl, 3)
	f.octet(fd)
	f.quad(&fionbio)
	f.quad(&longOne)
	if err := b.ask(1, 12); err != 0 {
		return err
	}
	if len(b.param(0)) == 0 {
		return errNonBlock
	}
	return 0
}

// close closes a socket; false if there is none of that descriptor.
func (b *bus) close(fd byte) (bool, fault) {
	b.start(cmdClose, 1).octet(fd)
	return yes(b.askByte())
}

// errno returns the error number of the command of a socket that came last,
// 0 if it succeeded.
func (b *bus) errno() (byte, fault) {
	b.start(cmdErrno, 0)
	return b.askByte()
}

// bind gives a socket its local port.
func (b *bus) bind(fd byte, port uint16) (bool, fault) {
	f := b.start(cmdBind, 2)
	f.octet(fd)
	f.short(port)
	return yes(b.askByte())
}

// setOption sets an option of a socket, of lwIP's level SOL_SOCKET.
func (b *bus) setOption(fd byte, name, value [4]byte) (bool, fault) {
	f := b.start(cmdSetSockOpt, 3)
	f.octet(fd)
	f.quad(&name)
	f.quad(&value)
	return yes(b.askByte())
}

// socketType returns the type of a socket, 0 if there is none of that
// descriptor.
func (b *bus) socketType(fd byte) (byte, fault) {
	f := b.start(cmdGetSockOpt, 3)
	f.octet(fd)
	f.quad(&optType)
	f.octet(4)
	if err := b.ask(1, 12); err != 0 {
		return 0, err
	}
	p := b.param(0)
	if len(p) == 0 {
		return 0, 0
	}
	if len(p) != 4 {
		return 0, b.nonsense()
	}
	return p[0], 0
}

// listen makes a bound socket a listener.
func (b *bus) listen(fd, backlog byte) (bool, fault) {
	f := b.start(cmdListen, 2)
	f.octet(fd)
	f.octet(backlog)
	return yes(b.askByte())
}

// accept takes a connection from a listener; noFD if there is none.
func (b *bus) accept(fd byte) (byte, addr, fault) {
	b.start(cmdAccept, 1).octet(fd)
	if err := b.ask(3, 16); err != 0 {
		return noFD, addr{}, err
	}
	p := b.param(0)
	if len(p) != 1 {
		return noFD, addr{}, b.nonsense()
	}
	if p[0] == noFD {
		return noFD, addr{}, 0 // the address is garbage then
	}
	from, ok := b.address(1)
	if !ok {
		return noFD, addr{}, b.nonsense()
	}
	return p[0], from, 0
}

// connect starts to connect a socket; true if it is connected already.
func (b *bus) connect(fd byte, to addr) (bool, fault) {
	f := b.start(cmdConnect, 3)
	f.octet(fd)
	f.quad(&to.ip)
	f.short(to.port)
	return yes(b.askByte())
}

// send sends at most maxSend bytes and returns how many were taken, 0 on
// errors too.
func (b *bus) send(fd byte, data []byte) (int, fault) {
	f := b.start(cmdSend, 2)
	f.octet(fd)
	f.size(len(data))
	return b.sent(data)
}

// sendTo sends a datagram and returns its length, 0 on errors too.
func (b *bus) sendTo(fd byte, to addr, data []byte) (int, fault) {
	f := b.start(cmdSendTo, 4)
	f.octet(fd)
	f.quad(&to.ip)
	f.short(to.port)
	f.size(len(data))
	return b.sent(data)
}

// sent ends send and sendTo.
func (b *bus) sent(data []byte) (int, fault) {
	if err := b.askWith(data, 1, 8); err != 0 {
		return 0, err
	}
	p := b.param(0)
	if len(p) != 2 || int(p[0])<<8|int(p[1]) > len(data) {
		return 0, b.nonsense()
	}
	return int(p[0])<<8 | int(p[1]), 0
}

// recv reads into dst, at most maxRecv bytes. 0 is nothing there, the end or
// an error.
func (b *bus) recv(fd byte, dst []byte) (int, fault) {
	dst = dst[:min(len(dst), maxRecv)]
	n, err := b.recvRequest(cmdRecv, fd, len(dst), 5, 1)
	if err == 0 {
		err = b.recvBody(dst, n, len(dst))
	}
	if err != 0 {
		return 0, err
	}
	return n, 0
}

// recvBody reads the data of a reply, of which n bytes are there and most were asked for,
// as far as dst goes, and finishes the exchange. The end mark, if it gets there, tells
// no data from a length that was damaged.
func (b *bus) recvBody(dst []byte, n, most int) fault {
	err := errGarbled
	if n <= most {
		keep := min(n, len(dst))
		err = b.body(dst[:keep], keep == n)
	}
	return b.finish(err)
}

// discard reads from a stream and throws away what it reads, of which it
// returns the length.
func (b *bus) discard(fd byte) (int, fault) {
	n, err := b.recvRequest(cmdRecv, fd, maxRecv, 5, 1)
	if err != 0 {
		return 0, err
	}
	return n, b.finish(0)
}

// recvFrom reads a datagram into dst, of which the rest is lost if dst is too
// short. 0 is an empty datagram, none, or an error.
func (b *bus) recvFrom(fd byte, dst []byte) (int, addr, fault) {
	const header = 15
	// Asked for no bytes, the chip would keep the datagram.
	ask := min(max(len(dst), 1), maxRecv)
	n, err := b.recvRequest(cmdRecvFrom, fd, ask, header, 3)
	if err != 0 {
		return 0, addr{}, err
	}
	b.in = b.inb[:header]
	from, ok := b.address(0)
	if !ok {
		n = maxFrame // and so no good
	}
	if err = b.recvBody(dst, n, ask); err != 0 {
		return 0, addr{}, err
	}
	return min(n, len(dst)), from, 0
}

// recvSlot reads from a slot into dst. It asks for size bytes, which may be more
// than fit: the rest is lost. It returns how many came.
func (b *bus) recvSlot(slot byte, dst []byte, size int) (int, fault) {
	n, err := b.recvRequest(cmdRecvSlot, slot, size, 5, 1)
	if err == 0 {
		err = b.recvBody(dst, n, size)
	}
	if err != 0 {
		return 0, err
	}
	return n, 0
}

// recvRequest sends a command that reads from a socket and reads its reply as
// far as the data, of which it returns the length. Unless there is an error,
// the exchange has to be finished.
func (b *bus) recvRequest(cmd, fd byte, size, header, n int) (int, fault) {
	f := b.start(cmd, 2)
	f.octet(fd)
	f.short(uint16(size<<8 | size>>8))
	if err := b.request(nil); err != 0 {
		return 0, err
	}
	total, err := b.reply(n, header, false)
	if err == 0 && total <= header {
		err = errGarbled // shorter than its fixed part
	}
	if err != 0 {
		return 0, b.finish(err)
	}
	return total - header - 1, 0
}

// poll returns what a socket is ready for, without waiting.
func (b *bus) poll(fd byte) (byte, fault) {
	b.start(cmdPoll, 1).octet(fd)
	return b.askByte()
}

// address reads an address from parameters i and i+1 of a reply, whose port
// is little-endian, unlike those of requests.
func (b *bus) address(i int) (addr, bool) {
	ip, port := b.param(i), b.param(i+1)
	if len(ip) != 4 || len(port) != 2 {
		return addr{}, false
	}
	return addr{[4]byte(ip), uint16(port[0]) | uint16(port[1])<<8}, true
}

// acknowledged turns a reply other than 1 into an error.
//
//go:noinline
func (b *bus) acknowledged(v byte, err fault) fault {
	if err == 0 && v != 1 {
		err = errRefused
	}
	return err
}

// yes turns a reply into a truth value.
func yes(v byte, err fault) (bool, fault) { return v == 1, err }
