package espat

import (
	"fmt"
	"slices"

	"tinynet/sim/network"
)

// dialect is a firmware on its chip. What differs between them follows from
// these numbers.
type dialect struct {
	name         string
	chip         string // "ESP8266" or "ESP32"
	major, minor int
	gmr          []string // lines of AT+GMR
}

// dialects are the firmwares that can be simulated, the default one first. The
// lines of AT+GMR have the shape that each release prints; its numbers of
// builds and dates are made up.
var dialects = []dialect{
	newDialect("ESP32", 2, 4, "2.4.0.0(4c6eb5e - ESP32 - May 20 2022 03:11:59)", "qa-test-v4.3.3.4-qa-master-20220604", "May 20 2022 11:08:51", "2.4.0(WROOM-32)"),
	newDialect("ESP32", 2, 0, "2.0.0.0(3fc3806 - ESP32 - Apr 10 2020 07:53:30)", "v4.0.1-193-ge7ac221b4", "Apr 10 2020 08:20:11", "2.0.0(WROOM-32)"),
	newDialect("ESP32", 2, 1, "2.1.0.0(883f7f2 - ESP32 - Jul 24 2020 11:50:07)", "v4.0.1-193-ge7ac221b4", "Oct 20 2020 06:32:47", "2.1.0(WROOM-32)"),
	newDialect("ESP32", 2, 2, "2.2.0.0(c6fa6bf - ESP32 - Jul  2 2021 06:44:05)", "v4.2.2-76-gefa6eca", "Jul  2 2021 08:30:11", "2.2.0(WROOM-32)"),
	newDialect("ESP32", 3, 2, "3.2.0.0(s-ec2dec2 - ESP32 - Jul 28 2023 07:05:28)", "v5.0-541-g885e501d99-dirty", "Jul 28 2023 15:20:49", "v3.2.0.0(WROOM-32)"),
	newDialect("ESP32", 4, 0, "4.0.0.0(b8aaa4c - ESP32 - Dec 13 2023 07:10:21)", "v5.1.2-dirty", "Dec 29 2023 08:35:17", "v4.0.0.0(WROOM-32)"),
	newDialect("ESP32", 4, 1, "4.1.0.0(ee2ce1c - ESP32 - Feb 19 2025 04:07:29)", "v5.0.7-dirty", "Feb 20 2025 02:41:02", "v4.1.0.0(WROOM-32)"),
	newDialect("ESP32", 5, 0, "5.0.1.0(9e8b1d6 - ESP32 - Mar  3 2026 07:52:40)", "v5.4.2-dirty", "Mar  9 2026 06:12:33", "v5.0.1.0(WROOM-32)"),
	newDialect("ESP8266", 1, 7, "1.7.4.0(May 11 2020 19:13:04)", "3.0.4(9532ceb)", "May 27 2020 10:12:17", ""),
	newDialect("ESP8266", 2, 1, "2.1.0.0-dev(4f0b7b0 - ESP8266 - Jul 27 2020 11:47:38)", "v3.4-dev-190-g4f3b5d0", "Oct 27 2020 09:53:36", "2.1.0(WROOM-02)"),
	newDialect("ESP8266", 2, 2, "2.2.0.0(b097cdf - ESP8266 - Jun 17 2021 12:57:45)", "v3.4-22-g967752e2", "Jun 17 2021 20:26:21", "2.2.0(WROOM-02)"),
	newDialect("ESP8266", 2, 3, "2.3.0.0(40d1ad7 - ESP8266 - Sep 10 2023 04:16:37)", "v3.4-82-gfb7a3dc5", "Sep 10 2023 12:47:06", "2.3.0(WROOM-02)"),
}

func newDialect(chip string, major, minor int, at, sdk, compiled, bin string) dialect {
	d := dialect{chip: chip, major: major, minor: minor}
	d.name = fmt.Sprintf("%s-%d.%d", map[string]string{"ESP32": "esp32", "ESP8266": "esp8266"}[chip], major, minor)
	d.gmr = []string{"AT version:" + at, "SDK version:" + sdk}
	if bin == "" {
		d.gmr = append(d.gmr, "compile time:"+compiled)
	} else {
		d.gmr = append(d.gmr, fmt.Sprintf("compile time(%.8s):%s", "4d1c9b07a", compiled), "Bin version:"+bin)
	}
	return d
}

// Versions returns the names of the firmwares that can be simulated, such as
// "esp32-2.4", the default one first.
func Versions() []string {
	var names []string
	for _, d := range dialects {
		names = append(names, d.name)
	}
	return names
}

// Describe returns a version in words, such as "ESP-AT 2.4 on an ESP32", and an
// empty string for one that Versions does not list.
func Describe(version string) string {
	i := slices.IndexFunc(dialects, func(d dialect) bool { return d.name == version })
	if i < 0 {
		return ""
	}
	d := dialects[i]
	return fmt.Sprintf("ESP-AT %d.%d on an %s", d.major, d.minor, d.chip)
}

// lookupDialect finds a version by name; empty for the first.
func lookupDialect(name string) *dialect {
	for i := range dialects {
		if name == "" || dialects[i].name == name {
			return &dialects[i]
		}
	}
	panic(fmt.Sprintf("espat: no version %q is simulated: see Versions", name))
}

func (d *dialect) since(major, minor int) bool {
	return d.major > major || d.major == major && d.minor >= minor
}

func (d *dialect) esp8266() bool { return d.chip == "ESP8266" }

// nonOS is AT 1.7 on the non-OS SDK.
func (d *dialect) nonOS() bool { return d.major < 2 }

// Rings of the module's UART (esp-at components/at/src, at_uart_task.c and its
// Kconfig; timing profile).
func (d *dialect) rings() (rx, tx int) {
	if d.esp8266() {
		return 1024, 2048
	}
	return 2048, 8192
}

// sendMost is the longest CIPSEND.
func (d *dialect) sendMost() int {
	if !d.esp8266() && d.since(2, 4) {
		return 8192
	}
	return 2048
}

// readMost is the longest CIPRECVDATA; 0 for no limit of its own.
func (d *dialect) readMost() int {
	if !d.since(2, 1) {
		return 2048
	}
	return 0
}

// dgramPassive is whether passive receive takes UDP too.
func (d *dialect) dgramPassive() bool { return d.since(2, 1) }

// quotesPeer is whether addresses in +IPD and +CIPRECVDATA have quotes.
func (d *dialect) quotesPeer() bool { return d.since(2, 1) }

// promptAtOnce is whether OK and > come in one print.
func (d *dialect) promptAtOnce() bool { return d.since(2, 4) || d.esp8266() && d.since(2, 3) }

// sslLinks is how many SSL links there is memory for.
func (d *dialect) sslLinks() int {
	if d.esp8266() {
		return 1
	}
	return maxLinks
}

// serverTypes is whether CIPSERVER takes a type.
func (d *dialect) serverTypes() bool { return !d.esp8266() && d.since(2, 1) }

// idleDefault is CIPSTO at first, seconds. That of v2 to v4 is unknown; the
// longest known one is taken, so that who relies on none is found out.
func (d *dialect) idleDefault() int {
	if d.since(5, 0) {
		return 0
	}
	return 180
}

// stack is the size of the TCP/IP stack (esp-at module_config, sdkconfig
// defaults).
func (d *dialect) stack() network.Params {
	p := network.Params{
		MSS:           1440,
		Window:        5760,
		SendBuffer:    5760,
		DatagramQueue: 6,
		MaxDatagram:   1472,
	}
	switch {
	case d.esp8266():
		p.SendBuffer = 2880
	case d.since(2, 1) && !d.since(2, 4):
		p.Window = 5744
	}
	return p
}
