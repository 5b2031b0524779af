// Package offload is the socket engine that the drivers of network
// co-processors share: a table of sockets, calls that block without holding
// the bus, deadlines, readiness, and a link that is watched and restored. A
// driver adds its chip's protocol, as a Chip, and nothing else.
//
// # Writing a driver
//
// A driver is a type that implements Chip, and a device type for the user that
// embeds the Device which New returns:
//
//	type Device struct {
//		offload.Device // netdev.Netdever, netlink.Netlinker and the rest
//		chip chip       // implements offload.Chip
//	}
//
//	func New(cfg *Config) *Device {
//		d := &Device{}
//		d.Device = *offload.New(&d.chip, offload.Config{Sockets: 10})
//		d.chip.eng = d.Device.Engine()
//		netdev.UseNetdev(d)
//		return d
//	}
//
// The engine calls the chip; the chip calls the Engine only to say something
// that it was not asked, and to wait.
//
// # The bus
//
// The wire to the chip has one owner at a time. The engine takes the bus
// before it calls a method of Chip (except where the method says otherwise)
// and gives it back afterwards, so that the chip's methods are never called by
// two goroutines at once and need no lock. A method makes its exchanges,
// waiting for the chip as long as that takes to answer, but never for the
// network: Send takes what there is room for, Recv returns what has come,
// Accept returns a connection that is there already, and Connect only begins.
// To wait for the network is the engine's affair; the bus is free meanwhile.
//
// Where a chip has no other way and answers a command only when the network
// has (a TLS handshake, a look-up), the method waits for it and asks
// Engine.Interrupted every few milliseconds whether the call has to end, for
// its deadline has passed, the socket was closed or the link given up. Whatever
// is then still to come from the chip is the driver's to discard.
//
// # Sockets
//
// A Socket is an entry of the engine's table. Open or Accept put the chip's
// number into its Handle; the engine closes it with Close exactly once, and
// not at all if the chip gave the same number to another socket meanwhile. What
// the chip's methods return decides what becomes of a socket:
//
//   - Stream: any error of Connect, Send or Recv but io.EOF ends the socket, and
//     all later calls return it. Return errors of package netdev, as they are or
//     wrapped: ErrConnRefused, ErrConnReset, ErrLinkDown, ErrDevice. Recv's io.EOF
//     is remembered and ends only the receiving.
//   - Datagram: an error concerns one datagram, unless it is ErrLinkDown.
//   - Send and Recv that return 0 and no error had no room or no data: the engine
//     waits until the socket is ready and calls again.
//
// # Readiness
//
// Chips differ in how they say that a socket is ready. One way is enough.
//
//   - Asking: the chip says nothing by itself. Poll makes an exchange. The
//     engine asks about sockets on which a call waits: every half millisecond
//     right after traffic, more seldom the longer nothing has come, and about
//     17 times a second in all after a minute of silence (50 times if it is but
//     one socket).
//   - A signal: a pin, or bytes in the UART's buffer. The chip implements
//     Signaller, and sets Signalled in the sockets that it tells of. Signal costs
//     no exchange and is looked at often; the sockets are asked by Poll when it
//     is up, and else only now and then.
//   - Telling: messages name the socket. The chip parses them wherever it reads
//     from the wire, in Attend or while it waits for a reply, and calls
//     Engine.Notify. Config.Push makes the engine look at Signal although no
//     socket is open.
//
// Data that the chip sends unasked go to Engine.Push, into the receive buffer
// that each socket has if Config.Buffer is not 0. For chips that keep data
// until they are asked, and so hold back the peer, Buffer is 0 and Recv copies
// straight into the caller's slice.
//
// # The link
//
// NetConnect calls Start once, then Join until that succeeds. While the link is
// up the engine calls Check twice a second: if the link is down, or the chip
// answers no more (Broken), all sockets fail at once with netdev.ErrLinkDown, and
// with a watchdog the engine joins again, after Start if the chip was broken.
//
// One goroutine per device does all of that while the link is up. It never
// calls a Chip while another call does.
//
// # Flash
//
// TinyGo describes in a board's flash whatever type is put into an interface, with all
// that it leads to, and TinyGo's programs have little to spare. A driver for
// boards passes as its Chip a struct of one unsafe.Pointer, as package wifinina does,
// asks Socket.IsDatagram and IsTLS in place of comparing Kind, compares errors by Same
// and Is, and has neither defer nor timers nor a time.Time in it.
package offload
