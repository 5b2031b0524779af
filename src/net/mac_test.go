package net

import (
	"fmt"
	"math/rand"
	stdnet "net"
	"strings"
	"testing"
)

var macTexts = []string{
	"", "00:00:5e:00:53:01", "00-00-5E-00-53-01", "0000.5e00.5301", "00005e005301", "02:00:5e:10:00:00:00:01",
	"0200.5e10.0000.0001", "02005e1000000001", "00:00:00:00:fe:80:00:00:00:00:00:00:02:00:5e:10:00:00:00:01",
	"00000000fe8000000000000002005e1000000001", "0000.0000.fe80.0000.0000.0000.0200.5e10.0000.0001",
	"00:00-5e:00:53:01", "00:00:5e:00:53", "00:00:5e:00:53:", ":00:00:5e:00:53", "0:0:5e:0:53:1:1", "00:00:5e:00:53:01:",
	"0000.5e00", "0000.5e00.53:1", "0000:5e00:5301", "00005e00530", "00005e0053011", "gg:00:5e:00:53:01", "00:00:5e:00:53:01:02",
	"00 00 5e 00 53 01", "0000.5e00.5301.", "\u00e9\u00e9:00:5e:00:53", "+1:00:5e:00:53:01",
}

// plainMAC says that s might be in the form without separators, which older
// releases of Go do not take.
func plainMAC(s string) bool { return !strings.ContainsAny(s, ":-.") }

func checkMAC(t *testing.T, s string) {
	t.Helper()
	ours, err := ParseMAC(s)
	gos, stdErr := stdnet.ParseMAC(s)
	if _, old := stdnet.ParseMAC("00005e005301"); old != nil && plainMAC(s) {
		return
	}
	same(t, fmt.Sprintf("ParseMAC(%q)", s), show(ours, err), show(gos, stdErr))
}

func TestParseMACLikeGo(t *testing.T) {
	for _, s := range macTexts {
		checkMAC(t, s)
	}
	r := rand.New(rand.NewSource(1))
	for range 4000 {
		checkMAC(t, mutate(r, macTexts, "0123456789abcdefABCDEFg:.-"))
	}
}

func TestParseMACWithoutSeparators(t *testing.T) {
	for s, want := range map[string]string{
		"00005e005301":     "00:00:5e:00:53:01",
		"02005E1000000001": "02:00:5e:10:00:00:00:01",
		"00000000fe8000000000000002005e1000000001": "00:00:00:00:fe:80:00:00:00:00:00:00:02:00:5e:10:00:00:00:01",
		"00005e00530":    "address 00005e00530: invalid MAC address",
		"00005e00530g":   "address 00005e00530g: invalid MAC address",
		"00005e00530102": "address 00005e00530102: invalid MAC address",
	} {
		hw, err := ParseMAC(s)
		got := hw.String()
		if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("ParseMAC(%q) gives %q, not %q", s, got, want)
		}
	}
}

func FuzzParseMAC(f *testing.F) {
	for _, s := range macTexts {
		f.Add(s)
	}
	f.Fuzz(checkMAC)
}

func FuzzHardwareAddrString(f *testing.F) {
	f.Add([]byte(nil))
	f.Add([]byte{0, 0, 0x5e, 0, 0x53, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		same(t, fmt.Sprintf("HardwareAddr(%#v)", b), HardwareAddr(b).String(), stdnet.HardwareAddr(b).String())
	})
}
