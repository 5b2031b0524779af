package netdevtest

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"tinynet/netdev"
)

// Datagrams that the module sends unasked arrive, as fast as the wire can carry them, on a
// UART that keeps 128 bytes and has no flow control: after a silence, whatever the
// program sends meanwhile, and again once some were lost.
func TestESPATPushedDatagramsArrive(t *testing.T) {
	const size = 1000
	for _, baud := range []int{115200, 921600, 2000000} {
		m := atModule("esp32-5.0", baud)
		wire := m.text("\r\n+IPD,4,%d,\"10.0.0.1\",7000:", size) + m.wire(size)
		for _, share := range []float64{0.3, 0.5, 0.98} {
			for _, uploading := range []bool{false, true} {
				if uploading && share > 0.5 {
					continue // they share the wire with what is said of the upload
				}
				t.Run(fmt.Sprintf("%d baud, %.0f %% of the wire, uploading %v", baud, 100*share, uploading), func(t *testing.T) {
					onModule(t, m, 5*time.Millisecond, func(t *testing.T, b *espatBoard, s *Setup) {
						peer, err := s.Peer.ListenPacket(7000)
						check(t, err)
						defer peer.Close()
						fd, err := s.Dev.Socket(netdev.AF_INET, netdev.SOCK_DGRAM, netdev.IPPROTO_UDP)
						check(t, err)
						defer s.Dev.Close(fd)
						check(t, s.Dev.Bind(fd, netip.AddrPortFrom(netip.IPv4Unspecified(), 7001)))

						sent := make(chan struct{})
						if uploading {
							device, far := pair(t, s, 7002)
							defer device.Close()
							go io.Copy(io.Discard, far)
							uploaded := make(chan struct{})
							defer func() { <-uploaded }()
							go func() {
								defer close(uploaded)
								for {
									select {
									case <-sent:
										return
									default:
									}
									if _, err := device.Write(make([]byte, 20000)); err != nil {
										t.Error(err)
										return
									}
								}
							}()
						} else {
							time.Sleep(20 * time.Second)
						}
						const many = 60
						go func() {
							defer close(sent)
							for i := range many {
								peer.WriteTo(payload(uint64(i), size), net.UDPAddrFromAddrPort(boardPort(t, s, 7001)))
								time.Sleep(time.Duration(float64(wire) / share))
							}
						}()
						buf := make([]byte, 2000)
						arrived := 0
						for {
							n, _, err := s.Dev.(netdev.Datagrammer).RecvFrom(fd, buf, 0, time.Now().Add(3*time.Second))
							if err != nil {
								break
							}
							if string(buf[:n]) == string(payload(uint64(arrived), size)) {
								arrived++
							}
						}
						<-sent
						if lost := b.chip.Ledger().LostIn; arrived != many || lost > 0 {
							t.Errorf("%d of %d datagrams arrived, the UART lost %d bytes", arrived, many, lost)
						}
					})
				})
			}
		}
	}
}
