package offload

import (
	"net/netip"
	"time"

	"tinynet/netdev"
)

// maxDatagram is the most that a datagram carries through a network whose
// frames are Ethernet's: no chip here fragments.
const maxDatagram = 1472

// SendTo sends buf, at most 1472 bytes, as one datagram.
func (u *Device) SendTo(sockfd int, buf []byte, flags int, to netip.AddrPort, deadline time.Time) (int, error) {
	d := u.dev()
	peer, err := d.peerOf(to)
	if err != nil {
		return 0, err
	}
	w, err := d.enter(sockfd, true, d.instantOf(deadline))
	if err != nil {
		return 0, err
	}
	n, err := 0, errNotDatagram
	if w.s.IsDatagram() {
		n, err = d.sendTo(w, buf, peer)
	}
	d.exit(w)
	return n, err
}

func (d *device) sendTo(w *waiter, buf []byte, to netip.AddrPort) (int, error) {
	if len(buf) > maxDatagram {
		return 0, errMsgSize
	}
	for {
		if err := d.takeFor(w); err != nil {
			return 0, err
		}
		ok := false
		err := d.bindAny(w.s)
		if err == nil {
			ok, err = d.chip.SendTo(w.s, buf, to)
		}
		if Is(err, netdev.ErrLinkDown) {
			err = d.fail(w, err)
		}
		d.give()
		if err != nil {
			return 0, err
		}
		d.touch(w.s)
		if ok {
			return len(buf), nil
		}
		if err := d.await(w, wantRoom); err != nil {
			return 0, err
		}
	}
}

// recvDatagram reads a datagram if there is one. The caller holds the bus,
// which it hands back.
func (d *device) recvDatagram(w *waiter, buf []byte, from *netip.AddrPort) (n int, got bool, err error) {
	n, *from, got, err = d.chip.RecvFrom(w.s, buf)
	if Is(err, netdev.ErrLinkDown) {
		err = d.fail(w, err)
	} else if err != nil {
		// A datagram may be lost, as datagrams may. Should the chip be broken,
		// the poller finds out.
		got, err = false, nil
	}
	d.give()
	return n, got, err
}
