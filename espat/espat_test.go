//go:build go1.25

package espat

import (
	"testing"
)

func TestConnectSendReceiveClose(t *testing.T) {
	everywhere(t, func(t *testing.T, d *Device, m *fakeModule) {
		fd, link := dialed(t, d)
		send(t, d, fd, "hello")
		if got := m.got(link); got != "hello" {
			t.Errorf("the peer got %q", got)
		}
		m.arrive(link, "good day")
		if got := recv(t, d, fd, 8); got != "good day" {
			t.Errorf("received %q", got)
		}
		m.hangup(link)
		if got := recv(t, d, fd, 1); got != "" {
			t.Errorf("received %q after the end", got)
		}
		ok(t, d.Close(fd))
	})
}
