//go:build !(ninafw || arduino_mkrwifi1010 || arduino_nano33 || challenger_rp2040 || espat || matrixportal_m4 || metro_m4_airlift || nano_rp2040 || pyportal) && (tinygo || !tinynet_host)

package probe

import "testing"

// The build without a board's tag, which go vet and gopls see, must compile and
// say what is wrong; a panic in Probe would hide it in a stack trace.
func TestProbeWithoutABoardFailsClearly(t *testing.T) {
	link, dev := Probe()
	if link == nil || dev == nil {
		t.Fatal("Probe returned nil")
	}
	if err := link.NetConnect(); err != ErrNoBoard {
		t.Errorf("NetConnect: %v, want ErrNoBoard", err)
	}
	if _, err := dev.Socket(2, 1, 6); err != ErrNoBoard {
		t.Errorf("Socket: %v, want ErrNoBoard", err)
	}
}
