//go:build go1.25

package espat

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tinynet/netdev"
	"tinynet/netlink"
	"tinynet/offload"
)

// alone runs f in virtual time with a device that has not joined yet.
func alone(t *testing.T, version string, change func(*Config), f func(t *testing.T, d *Device, m *fakeModule)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		m := newFake(t, version)
		cfg := &Config{Ssid: "home", Passphrase: "passw0rd", Uart: m, Retries: 1}
		if change != nil {
			change(cfg)
		}
		d := newDevice(cfg, offload.Times{})
		defer func() { d.NetDisconnect(); time.Sleep(30 * time.Second) }()
		f(t, d, m)
	})
}

func TestNewTouchesNoHardware(t *testing.T) {
	alone(t, newest, nil, func(t *testing.T, d *Device, m *fakeModule) {
		time.Sleep(time.Second)
		if m.said("") != 0 {
			t.Error("the module was told something")
		}
		if _, err := d.Socket(netdev.AF_INET, netdev.SOCK_STREAM, netdev.IPPROTO_TCP); !errors.Is(err, netdev.ErrLinkDown) {
			t.Error(err)
		}
	})
}

func TestWhatTheDeviceSaysOfItself(t *testing.T) {
	everywhere(t, func(t *testing.T, d *Device, m *fakeModule) {
		version, _, _ := strings.Cut(m.version, " ")
		version, _, _ = strings.Cut(version, "(")
		if v, err := d.FirmwareVersion(); err != nil || !strings.HasPrefix(v, version) {
			t.Errorf("version %q, %v", v, err)
		}
		if a, err := d.Addr(); err != nil || a.String() != "10.0.0.2" {
			t.Error("address", a, err)
		}
		if a, err := d.GetHardwareAddr(); err != nil || a.String() != "18:fe:34:a5:8d:c6" {
			t.Error("hardware address", a, err)
		}
		if n, err := d.RSSI(); err != nil || n != -57 {
			t.Error("RSSI", n, err)
		}
		if n, err := d.Ping(netip.MustParseAddr("10.0.0.1"), 0); err != nil || n != 7*time.Millisecond {
			t.Error("ping", n, err)
		}
		_, err := d.Ping(netip.MustParseAddr("10.0.0.3"), 0)
		is(t, err, netdev.ErrTimeout)
		if now, err := d.Time(); err != nil || !now.Equal(time.Date(2021, 10, 19, 17, 47, 56, 0, time.UTC)) {
			t.Error("time", now, err)
		}
		m.do(func() { m.clock = "Thu Jan  1 00:00:07 1970" })
		_, err = d.Time()
		is(t, err, netdev.ErrDevice)
		if s := d.DNSServers(); len(s) != 2 || s[0] != ap("208.67.222.222:53") || s[1] != ap("8.8.8.8:53") {
			t.Error("name servers", s)
		}
		all, err := d.Scan()
		if err != nil || len(all) != 2 {
			t.Fatal("scan", all, err)
		}
		if a := all[0]; a.SSID != "home" || a.RSSI != -57 || a.Channel != 11 || a.Encryption != EncryptionWPA2 || a.BSSID.String() != "aa:bb:cc:dd:ee:ff" {
			t.Errorf("scan %+v", a)
		}
		if a := all[1]; a.SSID != `a",-1,"b","` || a.RSSI != -70 || a.Channel != 6 || a.Encryption != EncryptionNone {
			t.Errorf("scan %+v", a)
		}
	})
}

func TestNamesAndPassphrasesAreEscaped(t *testing.T) {
	for _, s := range []string{`with "quotes"`, `a,b,c`, `back\slash\`, `","`, "OK", `\",\"`, "\xF0\x9F\x8F\xA0 home"} {
		alone(t, newest, func(c *Config) { c.Ssid, c.Passphrase = s, s+"--------" }, func(t *testing.T, d *Device, m *fakeModule) {
			m.ssid, m.pass = s, s+"--------"
			if err := d.NetConnect(); err != nil {
				t.Errorf("%q: %v", s, err)
			}
		})
	}
	// All of it escaped, at the greatest length.
	s, p := strings.Repeat(`"`, 32), strings.Repeat(`\`, 63)
	alone(t, newest, func(c *Config) { c.Ssid, c.Passphrase = s, p }, func(t *testing.T, d *Device, m *fakeModule) {
		m.ssid, m.pass = s, p
		ok(t, d.NetConnect())
		m.do(func() {
			for _, c := range m.commands {
				if len(c) > 254 {
					t.Errorf("command of %d bytes", len(c))
				}
			}
		})
	})
}

func TestBadParametersNeverReachTheWire(t *testing.T) {
	long := strings.Repeat("x", 33)
	for _, tt := range []struct {
		change func(*Config)
		want   error
	}{
		{func(c *Config) { c.Ssid = "" }, netlink.ErrMissingSSID},
		{func(c *Config) { c.Ssid = long }, netlink.ErrLongSSID},
		{func(c *Config) { c.Passphrase = long + long }, netlink.ErrLongPassphrase},
		{func(c *Config) { c.APChannel = 14 }, netlink.ErrConnectModeNoGood},
		{func(c *Config) { c.Static = &Static{} }, netdev.ErrMalAddr},
		{func(c *Config) { c.AP = &AccessPointConfig{} }, netlink.ErrConnectModeNoGood},
		{func(c *Config) { c.AP = &AccessPointConfig{Ssid: long} }, netlink.ErrConnectModeNoGood},
		{func(c *Config) { c.AP = &AccessPointConfig{Ssid: "x", Passphrase: "short"} }, netlink.ErrConnectModeNoGood},
		{func(c *Config) { c.Uart = nil }, netdev.ErrDevice},
	} {
		alone(t, newest, tt.change, func(t *testing.T, d *Device, m *fakeModule) {
			is(t, d.NetConnect(), tt.want)
			if m.said("") != 0 {
				t.Error("the module was told something")
			}
		})
	}
}

func TestJoinFailures(t *testing.T) {
	for _, v := range versions {
		t.Run(v, func(t *testing.T) {
			alone(t, v, func(c *Config) { c.Retries = 2 }, func(t *testing.T, d *Device, m *fakeModule) {
				is(t, d.NetConnect(&netlink.ConnectParams{Ssid: "home", Passphrase: "wrong one"}), netlink.ErrAuthFailure)
				if n := m.said("AT+CWJAP"); n != 1 {
					t.Errorf("a wrong passphrase was tried %d times", n)
				}
				is(t, d.NetConnect(&netlink.ConnectParams{Ssid: "nobody", Passphrase: "passw0rd", Retries: 2}), netlink.ErrNoAccessPoint)
				if n := m.said("AT+CWJAP"); n != 3 {
					t.Errorf("%d attempts", n-1)
				}
				ok(t, d.NetConnect())
				is(t, d.NetConnect(), netlink.ErrConnected)
			})
		})
	}
}

func TestJoinTimesOutAndIsTriedAgain(t *testing.T) {
	alone(t, newest, nil, func(t *testing.T, d *Device, m *fakeModule) {
		m.joinTime = 18 * time.Second
		start := time.Now()
		is(t, d.NetConnect(&netlink.ConnectParams{Ssid: "home", Passphrase: "passw0rd", Retries: 1, ConnectTimeout: 3 * time.Second}), netlink.ErrConnectTimeout)
		if took := time.Since(start); took > 6*time.Second {
			t.Errorf("it took %v", took)
		}
		m.do(func() { m.joinTime = time.Second })
		ok(t, d.NetConnect()) // once the module has done with the first
	})
}

func TestNetDisconnectEndsNetConnect(t *testing.T) {
	alone(t, newest, nil, func(t *testing.T, d *Device, m *fakeModule) {
		m.joinTime = 10 * time.Second
		done := make(chan error, 1)
		go func() { done <- d.NetConnect() }()
		time.Sleep(2 * time.Second)
		start := time.Now()
		d.NetDisconnect()
		if err := <-done; err == nil {
			t.Error("NetConnect: no error")
		}
		if took := time.Since(start); took > time.Second {
			t.Errorf("it took %v", took)
		}
		m.do(func() { m.joinTime = time.Second })
		ok(t, d.NetConnect())
	})
}

func TestNetDisconnectAndConnectAgain(t *testing.T) {
	everywhere(t, func(t *testing.T, d *Device, m *fakeModule) {
		events := make(chan netlink.Event, 10)
		d.NetNotify(func(e netlink.Event) { events <- e })
		for range 3 {
			fd, _ := dialed(t, d)
			d.NetDisconnect()
			_, err := d.Recv(fd, make([]byte, 1), 0, forever)
			is(t, err, netdev.ErrLinkDown)
			d.Close(fd)
			ok(t, d.NetConnect())
		}
		if len(events) != 6 {
			t.Errorf("%d events", len(events))
		}
	})
}

func TestWatchdogRestoresTheLink(t *testing.T) {
	for _, v := range versions {
		t.Run(v, func(t *testing.T) {
			alone(t, v, func(c *Config) { c.WatchdogTimeout = time.Second }, func(t *testing.T, d *Device, m *fakeModule) {
				ok(t, d.NetConnect())
				for name, harm := range map[string]func(){
					"drop":        m.drop,
					"silent drop": func() { m.do(func() { m.joined = "" }) },
					"reboot":      m.reboot,
					"hang":        func() { m.do(func() { m.hang = true }); time.Sleep(10 * time.Second); m.do(func() { m.hang = false }) },
					"silent reset": func() {
						m.reboot()
						time.Sleep(time.Millisecond)
						m.do(func() { m.rx = nil })
						time.Sleep(25 * time.Millisecond)
						m.do(func() { m.rx = nil })
					},
				} {
					fd, _ := dialed(t, d)
					harm()
					_, err := d.Recv(fd, make([]byte, 1), 0, time.Now().Add(time.Minute))
					if !errors.Is(err, netdev.ErrLinkDown) && !errors.Is(err, netdev.ErrDevice) {
						t.Errorf("%s: %v", name, err)
					}
					d.Close(fd)
					for range 60 {
						if time.Sleep(time.Second); d.chip().eng.Addr().IsValid() {
							break
						}
					}
					fd, link := dialed(t, d)
					send(t, d, fd, "hello")
					if got := m.got(link); got != "hello" {
						t.Errorf("%s: the peer got %q", name, got)
					}
					ok(t, d.Close(fd))
				}
			})
		})
	}
}

func TestDeadModuleIsAnErrorNotAHang(t *testing.T) {
	alone(t, newest, nil, func(t *testing.T, d *Device, m *fakeModule) {
		m.hang = true
		is(t, d.NetConnect(), netdev.ErrDevice)
		m.do(func() { m.hang = false })
		ok(t, d.NetConnect())
	})
}

func TestOldFirmwareIsSaidToBeOld(t *testing.T) {
	alone(t, "1.5.4.1", nil, func(t *testing.T, d *Device, m *fakeModule) {
		err := d.NetConnect()
		is(t, err, errors.ErrUnsupported)
		if !strings.Contains(err.Error(), "1.5.4.1 is too old") {
			t.Error(err)
		}
	})
}

func TestModuleIsFoundWhateverItWasDoing(t *testing.T) {
	for name, prepare := range map[string]func(m *fakeModule){
		"at another speed":        func(m *fakeModule) { m.baud = 921600 },
		"at the raised speed":     func(m *fakeModule) { m.baud = 2000000 },
		"waiting for data":        func(m *fakeModule) { m.need, m.running = 100, 1 },
		"in a command":            func(m *fakeModule) { m.running = 1 },
		"with half a command":     func(m *fakeModule) { m.line = []byte("AT+CWJAP=\"x") },
		"with echo off and links": func(m *fakeModule) { m.echo = false; m.mux = true; m.links[0].open = true; m.server = 80 },
		"still starting": func(m *fakeModule) {
			m.hang = true
			m.after(time.Second, func() { m.hang = false; m.out("\r\nready\r\n") })
		},
		"with noise": func(m *fakeModule) { m.rx = []byte("\xFF\x00rl\x92\nOK\r\nready\r\n>") },
	} {
		t.Run(name, func(t *testing.T) {
			alone(t, newest, nil, func(t *testing.T, d *Device, m *fakeModule) {
				prepare(m)
				start := time.Now()
				ok(t, d.NetConnect())
				if took := time.Since(start); took > 5*time.Second {
					t.Errorf("it took %v", took)
				}
				l := listener(t, d, 8080)
				fd, link := dialed(t, d)
				send(t, d, fd, "hello")
				if got := m.got(link); got != "hello" {
					t.Errorf("the peer got %q", got)
				}
				ok(t, d.Close(l))
			})
		})
	}
}

func TestSpeedIsRaised(t *testing.T) {
	for _, v := range versions {
		t.Run(v, func(t *testing.T) {
			alone(t, v, func(c *Config) { c.MaxBaud = 921600; c.WatchdogTimeout = time.Second }, func(t *testing.T, d *Device, m *fakeModule) {
				ok(t, d.NetConnect())
				m.do(func() {
					if m.baud != 921600 || m.host != 921600 {
						t.Errorf("module at %d, UART at %d", m.baud, m.host)
					}
				})
				fd, link := dialed(t, d)
				send(t, d, fd, "hello")
				if got := m.got(link); got != "hello" {
					t.Errorf("the peer got %q", got)
				}
				// After a restart the module has its first speed again.
				m.reboot()
				time.Sleep(20 * time.Second)
				fd, _ = dialed(t, d)
				send(t, d, fd, "hello")
				m.do(func() {
					if m.baud != 921600 || m.host != 921600 {
						t.Errorf("module at %d, UART at %d", m.baud, m.host)
					}
				})
			})
		})
	}
}

func TestFlowControl(t *testing.T) {
	flow := false
	alone(t, newest, func(c *Config) {
		m := c.Uart.(*fakeModule)
		c.FlowControl = true
		c.SetUART = func(baud uint32, f bool) error { m.SetBaudRate(baud); flow = f; return nil }
	}, func(t *testing.T, d *Device, m *fakeModule) {
		ok(t, d.NetConnect())
		if m.said("AT+UART_CUR=115200,8,1,0,3") != 1 || !flow {
			t.Error("no flow control")
		}
	})
	alone(t, newest, func(c *Config) {
		c.FlowControl = true
		c.Uart = struct{ UART }{c.Uart} // whose speed cannot be set
	}, func(t *testing.T, d *Device, m *fakeModule) {
		is(t, d.NetConnect(), errors.ErrUnsupported)
	})
}

// Wires that do not carry the higher speed are used without it.
func TestSpeedThatDoesNotWork(t *testing.T) {
	alone(t, newest, func(c *Config) { c.MaxBaud = 2000000 }, func(t *testing.T, d *Device, m *fakeModule) {
		m.onCmd = func(cmd string) bool {
			if strings.HasPrefix(cmd, "AT+UART_CUR") {
				m.out(okay)
				m.running--
				m.after(time.Millisecond, func() { m.baud = 1 })
				m.after(3*time.Second, func() { m.baud = 115200 }) // somebody resets it
				return true
			}
			return false
		}
		err := d.NetConnect()
		if err != nil {
			is(t, err, netdev.ErrDevice)
			time.Sleep(5 * time.Second)
			err = d.NetConnect()
		}
		ok(t, err)
	})
}

func TestAccessPoint(t *testing.T) {
	for _, v := range versions {
		t.Run(v, func(t *testing.T) {
			alone(t, v, func(c *Config) { c.APChannel = 6 }, func(t *testing.T, d *Device, m *fakeModule) {
				ok(t, d.NetConnect(&netlink.ConnectParams{ConnectMode: netlink.ConnectModeAP, Ssid: "board", Passphrase: "pass,word"}))
				if a, err := d.Addr(); err != nil || a.String() != "192.168.4.1" {
					t.Error(a, err)
				}
				cmd := `AT+CWSAP="board","pass\,word",6,3`
				if v[0] == '1' {
					cmd = `AT+CWSAP_CUR="board","pass\,word",6,3`
				}
				if m.said(cmd) != 1 {
					t.Errorf("%q", m.commands)
				}
				l := listener(t, d, 80)
				link := m.incoming("192.168.4.2:1000")
				fd, _, err := d.Accept(l)
				ok(t, err)
				send(t, d, fd, "hello")
				if got := m.got(link); got != "hello" {
					t.Errorf("the client got %q", got)
				}
				time.Sleep(10 * time.Second) // the link stays up
				m.arrive(link, "hello")
				if got := recv(t, d, fd, 5); got != "hello" {
					t.Errorf("received %q", got)
				}
				d.NetDisconnect()
				m.do(func() {
					if m.mode&2 != 0 {
						t.Errorf("mode %d after NetDisconnect", m.mode)
					}
				})
				ok(t, d.NetConnect())
			})
		})
	}
}

func TestStationAndAccessPoint(t *testing.T) {
	alone(t, newest, func(c *Config) { c.AP = &AccessPointConfig{Ssid: "board", Hidden: true} }, func(t *testing.T, d *Device, m *fakeModule) {
		ok(t, d.NetConnect())
		if m.said(`AT+CWSAP="board","",1,0,,1`) != 1 || m.mode != 3 {
			t.Errorf("mode %d: %q", m.mode, m.commands)
		}
		if a, err := d.Addr(); err != nil || a.String() != "10.0.0.2" {
			t.Error(a, err)
		}
		dialed(t, d)
	})
}

func TestStaticAddressAndHostname(t *testing.T) {
	st := &Static{Addr: netip.MustParseAddr("10.0.0.2"), Mask: netip.MustParseAddr("255.255.255.0"),
		Gateway: netip.MustParseAddr("10.0.0.1"), DNS: [2]netip.Addr{netip.MustParseAddr("9.9.9.9")}}
	for v, cur := range map[string]string{newest: "", "1.7.4.0": "_CUR"} {
		alone(t, v, func(c *Config) { c.Static = st }, func(t *testing.T, d *Device, m *fakeModule) {
			m.replies[`AT+CIPDNS_CUR=1,"9.9.9.9"`] = okay
			ok(t, d.NetConnect(&netlink.ConnectParams{Ssid: "home", Passphrase: "passw0rd", Hostname: "board,1"}))
			for _, cmd := range []string{
				"AT+CIPSTA" + cur + `="10.0.0.2","10.0.0.1","255.255.255.0"`,
				"AT+CIPDNS" + cur + `=1,"9.9.9.9"`,
				`AT+CWHOSTNAME="board\,1"`,
			} {
				if m.said(cmd) != 1 {
					t.Errorf("not said: %s", cmd)
				}
			}
			if m.said("AT+CWDHCP") != 0 {
				t.Error("DHCP was set")
			}
		})
	}
}

func TestNothingIsWrittenToFlash(t *testing.T) {
	alone(t, newest, nil, func(t *testing.T, d *Device, m *fakeModule) {
		ok(t, d.NetConnect())
		m.do(func() {
			for i, c := range m.commands {
				if c == "AT+SYSSTORE=0" {
					break
				}
				if strings.Contains(c, "=") {
					t.Errorf("command %d, %s, comes before SYSSTORE", i, c)
				}
			}
		})
	})
}

func TestHostNames(t *testing.T) {
	everywhere(t, func(t *testing.T, d *Device, m *fakeModule) {
		if a, err := d.GetHostByName("host."); err != nil || a.String() != "10.0.0.1" {
			t.Error(a, err)
		}
		_, err := d.GetHostByName("nobody")
		is(t, err, netdev.ErrHostUnknown)
		n := m.said("")
		if a, err := d.GetHostByName("10.0.0.9"); err != nil || a.String() != "10.0.0.9" || m.said("") != n {
			t.Error(a, err)
		}
		_, err = d.GetHostByName(strings.Repeat("x", 250))
		is(t, err, netdev.ErrMalAddr)
		_, err = d.GetHostByName("evil\r\nAT+RST")
		is(t, err, netdev.ErrHostUnknown)
		m.do(func() { m.names[`we"ird,na\me`] = "10.0.0.8" })
		if a, err := d.GetHostByName(`we"ird,na\me`); err != nil || a.String() != "10.0.0.8" {
			t.Error(a, err)
		}
	})
}

func TestLookupObeysItsDeadline(t *testing.T) {
	bubble(t, newest, func(t *testing.T, d *Device, m *fakeModule) {
		m.do(func() {
			m.onCmd = func(cmd string) bool {
				if strings.HasPrefix(cmd, "AT+CIPDOMAIN") {
					m.after(10*time.Second, func() { m.running--; m.out(error_) })
					return true
				}
				return false
			}
		})
		start := time.Now()
		_, err := d.LookupHost("ip", "slow", start.Add(time.Second))
		is(t, err, netdev.ErrTimeout)
		if took := time.Since(start); took < time.Second || took > 1100*time.Millisecond {
			t.Errorf("it took %v", took)
		}
		// What waits after it gets its own answer, not the late one.
		dialed(t, d)
	})
}

// resetPin is the pin that restarts a fake.
type resetPin struct {
	m       *fakeModule
	low     bool
	outputs int
}

func (p *resetPin) Output() { p.outputs++ }
func (p *resetPin) Low()    { p.low = true }
func (p *resetPin) High() {
	if p.low {
		p.low = false
		p.m.do(func() {
			p.m.hang, p.m.baud = false, 115200
			p.m.restart()
		})
	}
}

func TestResetPinRestartsAModuleThatHangs(t *testing.T) {
	pin := new(resetPin)
	alone(t, newest, func(c *Config) {
		pin.m = c.Uart.(*fakeModule)
		c.Reset = pin
		c.WatchdogTimeout = time.Second
	}, func(t *testing.T, d *Device, m *fakeModule) {
		m.hang = true
		ok(t, d.NetConnect())
		m.do(func() { m.hang = true })
		time.Sleep(20 * time.Second)
		fd, link := dialed(t, d)
		send(t, d, fd, "hello")
		if got := m.got(link); got != "hello" || pin.outputs != 2 {
			t.Errorf("the peer got %q after %d resets", got, pin.outputs)
		}
	})
}
