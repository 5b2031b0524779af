//go:build go1.25

package espat

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"sort"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tinynet/netdev"
	"tinynet/offload"
)

// fakeModule is the least of a module that a driver can be tested on: commands, links
// with scripted peers, and whatever a test makes it say. Fields are guarded by mu.
// Its bytes take no time on the wire; a command takes a millisecond.
type fakeModule struct {
	t    testing.TB
	mu   sync.Mutex
	rx   []byte // for the driver to read
	line []byte // command that is coming in
	max  int    // bytes that Read returns at most, 0 for no limit

	// With bps set, bytes take their time on the wire.
	bps  int
	due  []time.Time // when each byte of rx is there
	free time.Time   // when the wire is

	version string
	esp8266 bool
	baud    int // its own, and that of the board's UART
	host    int
	echo    bool
	mux     bool
	dinfo   bool
	mode    int
	linkMsg bool
	passive [5]bool
	links   [5]fakeLink
	server  int // port
	maxConn int
	running int // commands that have not given their result
	boots   int

	// Data that are coming in.
	need    int
	to      int
	cancels bool // +++ in the middle of data ends them, too
	dest    string
	data    []byte

	ssid, pass string
	joined     string
	joinTime   time.Duration
	dialTime   time.Duration
	refuse     bool // connections
	lost       bool // connections are lost: no result ever
	hang       bool // no answer to anything
	names      map[string]string
	clock      string

	commands  []string // all that came
	delivered [5][]byte
	datagrams []string // "to data" as sent
	onCmd     func(cmd string) bool
	refill    func(l *fakeLink) // data that come as soon as there is room
	forge     func(reply string) string
	noise     func(s string) string            // on the wire to the board
	onSend    func(link int, data []byte) bool // before Recv
	replies   map[string]string                // what is said instead, result included
}

type fakeLink struct {
	open      bool
	typ       string
	server    bool
	peer      netip.AddrPort
	lport     int
	in        []byte     // to be read
	dgrams    []fakeGram // the same of UDP
	announced bool
	fin       bool
}

type fakeGram struct {
	from netip.AddrPort
	data []byte
}

func newFake(t testing.TB, version string) *fakeModule {
	return &fakeModule{
		t: t, version: version, baud: 115200, host: 115200, echo: true,
		ssid: "home", pass: "passw0rd", joinTime: 50 * time.Millisecond, dialTime: 3 * time.Millisecond,
		names: map[string]string{"host": "10.0.0.1"}, maxConn: 5, replies: map[string]string{},
		clock: "Tue Oct 19 17:47:56 2021", esp8266: strings.HasPrefix(version, "1.") || strings.Contains(version, "ESP8266"),
	}
}

// # The UART

func (m *fakeModule) Buffered() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.bps == 0 {
		return len(m.rx)
	}
	now := time.Now()
	return sort.Search(len(m.rx), func(i int) bool { return m.due[i].After(now) })
}

// byteTime is how long n bytes take on the wire.
func (m *fakeModule) byteTime(n int) time.Duration {
	if m.bps == 0 {
		return 0
	}
	return time.Duration(n) * 10 * time.Second / time.Duration(m.bps)
}

func (m *fakeModule) Read(p []byte) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.max > 0 {
		p = p[:min(len(p), m.max)]
	}
	n := copy(p, m.rx)
	m.rx = m.rx[n:]
	if m.bps > 0 {
		m.due = m.due[n:]
	}
	return n, nil
}

func (m *fakeModule) SetBaudRate(baud uint32) {
	m.mu.Lock()
	m.host = int(baud)
	m.mu.Unlock()
}

func (m *fakeModule) Write(p []byte) (int, error) {
	if t := m.byteTime(len(p)); t > 0 {
		time.Sleep(t)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.hang || m.host != m.baud {
		return len(p), nil
	}
	for i := 0; i < len(p); i++ {
		if m.need > 0 {
			if i == 0 && string(p) == "+++" && (len(m.data) == 0 || m.cancels) {
				m.need = 0
				m.out("\r\nSEND Canceled\r\n")
				m.running--
				return len(p), nil
			}
			m.data = append(m.data, p[i])
			if m.need--; m.need == 0 {
				m.sent()
			}
			continue
		}
		m.line = append(m.line, p[i])
		if bytes.HasSuffix(m.line, []byte("\r\n")) {
			cmd := string(m.line[:len(m.line)-2])
			m.line = nil
			m.take(cmd)
		}
	}
	return len(p), nil
}

// # What it says. The caller holds mu, except where a name ends with the opposite.

func (m *fakeModule) out(s string) {
	if m.host != m.baud {
		s = strings.Repeat("\xF8", len(s)/4)
	}
	if m.noise != nil {
		s = m.noise(s)
	}
	m.rx = append(m.rx, s...)
	if m.bps == 0 {
		return
	}
	if now := time.Now(); m.free.Before(now) {
		m.free = now
	}
	for range len(s) {
		m.free = m.free.Add(m.byteTime(1))
		m.due = append(m.due, m.free)
	}
}

// say is out for tests.
func (m *fakeModule) say(s string) { m.do(func() { m.out(s) }) }

func (m *fakeModule) do(f func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f()
}

// after runs f later.
func (m *fakeModule) after(d time.Duration, f func()) {
	boots := m.boots
	time.AfterFunc(d, func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		if m.boots == boots {
			f()
		}
	})
}

// result says the result of a command later.
func (m *fakeModule) result(s string) {
	m.after(time.Millisecond, func() {
		m.running--
		if m.forge != nil {
			s = m.forge(s)
		}
		m.out(s)
	})
}

func (m *fakeModule) number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		return -1
	}
	return n
}

// args splits the arguments of a command as the module does.
func (m *fakeModule) args(s string) (args []string) {
	quoted, arg := false, ""
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && quoted:
			i++
			if i < len(s) {
				arg += s[i : i+1]
			}
		case s[i] == '"':
			quoted = !quoted
		case s[i] == ',' && !quoted:
			args, arg = append(args, arg), ""
		default:
			arg += s[i : i+1]
		}
	}
	return append(args, arg)
}

func (m *fakeModule) major() int { return m.number(m.version[:1]) }
func (m *fakeModule) minor() int { return m.number(m.version[2:3]) }

func (m *fakeModule) least(major, minor int) bool {
	return m.major() > major || m.major() == major && m.minor() >= minor
}

const (
	okay   = "\r\nOK\r\n"
	error_ = "\r\nERROR\r\n"
)

// take runs a command.
func (m *fakeModule) take(cmd string) {
	if m.echo {
		m.out(cmd + "\r\n")
	}
	if m.running > 0 {
		if strings.HasSuffix(cmd, "AT+RST") {
			m.out("\r\nWill force to restart!!!\r\n")
			m.restart()
			return
		}
		m.out("\r\nbusy p...\r\n")
		return
	}
	m.commands = append(m.commands, cmd)
	m.running++
	if m.onCmd != nil && m.onCmd(cmd) {
		return
	}
	if r, ok := m.replies[cmd]; ok {
		m.result(r)
		return
	}
	m.result2(m.run(cmd))
}

func (m *fakeModule) result2(s string) {
	if s != "" {
		m.result(s)
	}
}

// run returns what the command answers, "" if that comes by itself.
func (m *fakeModule) run(cmd string) string {
	name, arg, set := strings.Cut(cmd, "=")
	if m.major() == 1 {
		switch name {
		case "AT+CWMODE", "AT+CWJAP", "AT+CWDHCP", "AT+CIPSTA", "AT+CWSAP", "AT+CIPAP":
			return error_
		}
		if name != "AT+UART_CUR" {
			name = strings.Replace(name, "_CUR", "", 1)
		}
	} else if strings.Contains(name, "_CUR") && name != "AT+UART_CUR" {
		return error_
	}
	a := m.args(arg)
	link := m.number(a[0])
	switch name {
	case "AT":
		return okay
	case "ATE0":
		m.echo = false
		return okay
	case "AT+GMR":
		return "AT version:" + m.version + "\r\nSDK version:v3.0\r\n" + okay
	case "AT+RST":
		m.out(okay)
		m.restart()
		return ""
	case "AT+SYSSTORE":
		if !m.least(2, 1) {
			return error_
		}
		return okay
	case "AT+SYSMSG":
		m.linkMsg = a[0] == "2"
		return okay
	case "AT+UART_CUR":
		m.out(okay)
		m.running--
		m.after(time.Millisecond, func() { m.baud = m.number(a[0]) })
		return ""
	case "AT+CIPMUX":
		m.mux = a[0] == "1"
		return okay
	case "AT+CIPMUX?":
		return "+CIPMUX:1\r\n" + okay
	case "AT+CIPRECVMODE":
		for i := range m.passive {
			m.passive[i] = a[0] == "1"
		}
		return okay
	case "AT+CIPRECVTYPE":
		if !m.least(4, 0) {
			return error_
		}
		for i := range m.passive {
			if link == 5 || link == i {
				m.passive[i] = a[1] == "1"
			}
		}
		return okay
	case "AT+CIPTCPOPT", "AT+CWHOSTNAME", "AT+CIPSSLCSNI", "AT+CIPSSLCCN", "AT+CIPSSLCCONF", "AT+CIPSTA",
		"AT+CIPDNS", "AT+CWSAP", "AT+CIPAP", "AT+CWLAPOPT", "AT+CIPSNTPCFG", "AT+CWDHCP":
		return okay
	case "AT+CIPSTO", "AT+CIPSERVERMAXCONN":
		if name == "AT+CIPSTO" && m.server == 0 {
			return error_
		}
		return okay
	case "AT+CIPDINFO":
		m.dinfo = a[0] == "1"
		return okay
	case "AT+CWMODE":
		if m.major() == 1 && link == 0 {
			return error_
		}
		m.mode = link
		return okay
	case "AT+CWJAP":
		if !set {
			return error_
		}
		m.after(m.joinTime, func() {
			m.running--
			switch {
			case a[0] != m.ssid:
				m.out("+CWJAP:3\r\n" + error_)
			case len(a) < 2 || a[1] != m.pass:
				m.out("+CWJAP:2\r\n" + error_)
			default:
				m.joined = a[0]
				m.out("WIFI CONNECTED\r\nWIFI GOT IP\r\n" + okay)
			}
		})
		return ""
	case "AT+CWJAP?":
		if m.joined == "" {
			return okay
		}
		return fmt.Sprintf("+CWJAP:%q,\"aa:bb:cc:dd:ee:ff\",11,-57,0,1,3,0,1\r\n", m.joined) + okay
	case "AT+CWQAP":
		m.joined = ""
		m.out("WIFI DISCONNECT\r\n")
		return okay
	case "AT+CWSTATE?":
		if !m.least(2, 2) {
			return error_
		}
		if m.joined != "" {
			return "+CWSTATE:2,\"" + m.joined + "\"\r\n" + okay
		}
		return "+CWSTATE:4,\"\"\r\n" + okay
	case "AT+CIPSTATE?", "AT+CIPSTATUS":
		s, word := "", "+CIPSTATE:"
		if name == "AT+CIPSTATUS" {
			word = "+CIPSTATUS:"
			s = "STATUS:2\r\n"
			if m.joined == "" {
				s = "STATUS:5\r\n"
			}
		} else if !m.least(2, 3) {
			return error_
		}
		for i, l := range m.links {
			if l.open {
				s += fmt.Sprintf("%s%d,%q,%q,%d,%d,%d\r\n", word, i, l.typ, l.peer.Addr(), l.peer.Port(), l.lport, one(l.server))
			}
		}
		return s + okay
	case "AT+CIFSR":
		return "+CIFSR:APIP,\"192.168.4.1\"\r\n+CIFSR:APMAC,\"1a:fe:34:a5:8d:c6\"\r\n+CIFSR:STAIP,\"10.0.0.2\"\r\n+CIFSR:STAMAC,\"18:fe:34:a5:8d:c6\"\r\n" + okay
	case "AT+CIPDOMAIN":
		ip, ok := m.names[a[0]]
		if !ok {
			return error_
		}
		if m.least(2, 2) {
			ip = `"` + ip + `"`
		}
		return "+CIPDOMAIN:" + ip + "\r\n" + okay
	case "AT+CIPSNTPTIME?":
		return "+CIPSNTPTIME:" + m.clock + okay
	case "AT+PING":
		if a[0] != "10.0.0.1" {
			return "+PING:TIMEOUT\r\n" + error_
		}
		if m.major() == 1 {
			return "+7\r\n" + okay
		}
		return "+PING:7\r\n" + okay
	case "AT+CIPDNS?":
		return "+CIPDNS:1,\"208.67.222.222\",\"8.8.8.8\"\r\n" + okay
	case "AT+CIPSTART":
		return m.start(link, a)
	case "AT+CIPCLOSE":
		if link == 5 || link < 0 || !m.links[link].open {
			return error_
		}
		m.links[link] = fakeLink{}
		return fmt.Sprintf("%d,CLOSED\r\n", link) + okay
	case "AT+CIPSERVER":
		if a[0] == "0" {
			if m.server == 0 {
				return error_
			}
			m.server = 0
			return okay
		}
		if m.server != 0 && m.server != m.number(a[1]) || !m.mux {
			return error_
		}
		m.server = m.number(a[1])
		return okay
	case "AT+CIPSEND":
		n := m.number(a[1])
		if link < 0 || !m.links[link].open || n <= 0 || n > 8192 || m.esp8266 && n > 2048 || len(a) > 2 != strings.HasPrefix(m.links[link].typ, "UDP") {
			return error_
		}
		m.after(time.Millisecond, func() {
			m.need, m.to, m.data = n, link, nil
			if m.dest = ""; len(a) > 3 {
				m.dest = a[2] + ":" + a[3]
			}
			if m.major() == 1 {
				m.out("\r\nOK\r\n> ")
			} else {
				m.out("\r\nOK\r\n\r\n>")
			}
		})
		return ""
	case "AT+CIPRECVLEN?":
		s := "+CIPRECVLEN:"
		for i, l := range m.links {
			if i > 0 {
				s += ","
			}
			switch {
			case l.open:
				s += strconv.Itoa(len(l.in))
			case m.major() == 1:
				s += "0"
			default:
				s += "-1"
			}
		}
		return s + "\r\n" + okay
	case "AT+CIPRECVDATA":
		return m.read(link, m.number(a[1]))
	case "AT+CWLAP":
		return "+CWLAP:(3,\"home\",-57,\"aa:bb:cc:dd:ee:ff\",11)\r\n" +
			"+CWLAP:(0,\"a\",-1,\"b\",\"\",-70,\"aa:bb:cc:dd:ee:01\",6,-1,-1)\r\n" +
			"+CWLAP:(4,\"\",-80,\"aa:bb:cc:dd:ee:02\",1)\r\n" + okay
	}
	return error_
}

func one(b bool) int {
	if b {
		return 1
	}
	return 0
}

// start is CIPSTART.
func (m *fakeModule) start(link int, a []string) string {
	if link < 0 || link > 4 || m.links[link].open || len(a[2]) > 64 {
		return error_
	}
	if m.joined == "" && m.mode != 2 {
		return error_
	}
	port := m.number(a[3])
	host := a[2]
	if ip, ok := m.names[host]; ok {
		host = ip
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return error_
	}
	l := fakeLink{open: true, typ: a[1], peer: netip.AddrPortFrom(ip, uint16(port)), lport: 50000 + link}
	open := func() {
		m.running--
		m.links[link] = l
		m.delivered[link] = nil
		m.out(m.connect(link) + okay)
	}
	if strings.HasPrefix(a[1], "UDP") {
		l.lport = m.number(a[4])
		for _, o := range m.links {
			if o.open && o.typ == "UDP" && o.lport == l.lport {
				return error_
			}
		}
		m.after(time.Millisecond, open)
		return ""
	}
	if m.lost {
		return ""
	}
	m.after(m.dialTime, func() {
		switch {
		case m.refuse:
			m.running--
			m.out(error_)
			m.out(fmt.Sprintf("%d,CLOSED\r\n", link))
		case m.links[link].open:
			m.running--
			m.out(error_)
		default:
			open()
		}
	})
	return ""
}

// connect is the news of a link.
func (m *fakeModule) connect(link int) string {
	l := &m.links[link]
	if m.linkMsg {
		return fmt.Sprintf("+LINK_CONN:0,%d,%q,%d,%q,%d,%d\r\n", link, l.typ, one(l.server), l.peer.Addr(), l.peer.Port(), l.lport)
	}
	return fmt.Sprintf("%d,CONNECT\r\n", link)
}

// incoming is a client that connects to the server.
func (m *fakeModule) incoming(from string) (link int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range m.links {
		if !m.links[i].open && m.server != 0 {
			m.links[i] = fakeLink{open: true, typ: "TCP", server: true, peer: netip.MustParseAddrPort(from), lport: m.server}
			m.delivered[i] = nil
			m.out(m.connect(i))
			return i
		}
	}
	return -1
}

// sent is the end of the data of CIPSEND.
func (m *fakeModule) sent() {
	link, data := m.to, m.data
	if m.onSend != nil && m.onSend(link, data) {
		return
	}
	m.out(fmt.Sprintf("\r\nRecv %d bytes\r\n", len(data)))
	l := &m.links[link]
	if l.open {
		if m.dest != "" {
			m.datagrams = append(m.datagrams, m.dest+" "+string(data))
		}
		m.delivered[link] = append(m.delivered[link], data...)
		m.result("\r\nSEND OK\r\n")
	} else {
		m.result("\r\nSEND FAIL\r\n")
	}
}

// arrive is data from a peer.
func (m *fakeModule) arrive(link int, data string) {
	m.do(func() { m.receive(link, netip.AddrPort{}, data) })
}

// datagram is a datagram from a peer.
func (m *fakeModule) datagram(link int, from, data string) {
	m.do(func() { m.receive(link, netip.MustParseAddrPort(from), data) })
}

func (m *fakeModule) receive(link int, from netip.AddrPort, data string) {
	l := &m.links[link]
	udp := strings.HasPrefix(l.typ, "UDP")
	if !from.IsValid() {
		from = l.peer
	}
	if udp && m.passive[link] && m.least(2, 0) && !m.least(2, 1) {
		return // in passive mode 2.0 loses datagrams
	}
	if !m.passive[link] || udp && !m.least(2, 1) {
		for len(data) > 0 {
			n := min(len(data), 2920)
			head := fmt.Sprintf("\r\n+IPD,%d,%d", link, n)
			if m.dinfo {
				head += "," + m.address(from)
			}
			m.out(head + ":" + data[:n])
			data = data[n:]
		}
		return
	}
	l.in = append(l.in, data...)
	if udp {
		l.dgrams = append(l.dgrams, fakeGram{from, []byte(data)})
	}
	m.notice(link)
}

func (m *fakeModule) address(a netip.AddrPort) string {
	if !m.least(2, 1) {
		return fmt.Sprintf("%s,%d", a.Addr(), a.Port())
	}
	return fmt.Sprintf("%q,%d", a.Addr(), a.Port())
}

func (m *fakeModule) notice(link int) {
	l := &m.links[link]
	if !l.announced && len(l.in) > 0 {
		l.announced = true
		m.out(fmt.Sprintf("\r\n+IPD,%d,%d\r\n", link, len(l.in)))
	}
}

// read is CIPRECVDATA.
func (m *fakeModule) read(link, most int) string {
	if link < 0 || link > 4 || most <= 0 {
		return error_
	}
	l := &m.links[link]
	if !l.open || len(l.in) == 0 || !m.passive[link] {
		return error_
	}
	n := min(most, len(l.in))
	from := l.peer
	if len(l.dgrams) > 0 {
		from = l.dgrams[0].from
		for k := n; k > 0 && len(l.dgrams) > 0; {
			if k < len(l.dgrams[0].data) {
				l.dgrams[0].data = l.dgrams[0].data[k:]
				break
			}
			k -= len(l.dgrams[0].data)
			l.dgrams = l.dgrams[1:]
		}
	}
	head := fmt.Sprintf("+CIPRECVDATA:%d,", n)
	switch {
	case m.major() == 1:
		head = fmt.Sprintf("+CIPRECVDATA,%d:", n)
	case m.dinfo:
		head += m.address(from) + ","
	}
	s := head + string(l.in[:n]) + okay
	l.in = l.in[n:]
	if m.refill != nil {
		m.refill(l)
	}
	if len(l.in) > 0 {
		s += fmt.Sprintf("\r\n+IPD,%d,%d\r\n", link, len(l.in))
	} else if l.announced = false; l.fin {
		s += fmt.Sprintf("%d,CLOSED\r\n", link)
		*l = fakeLink{}
	}
	return s
}

// hangup is the end of a peer's stream.
func (m *fakeModule) hangup(link int) {
	m.do(func() {
		l := &m.links[link]
		if len(l.in) > 0 {
			l.fin = true
			return
		}
		*l = fakeLink{}
		m.out(fmt.Sprintf("%d,CLOSED\r\n", link))
	})
}

// drop is the loss of the network.
func (m *fakeModule) drop() {
	m.do(func() {
		m.joined = ""
		m.out("WIFI DISCONNECT\r\n")
		for i := range m.links {
			if l := &m.links[i]; l.open && l.typ != "UDP" {
				*l = fakeLink{}
				m.out(fmt.Sprintf("%d,CLOSED\r\n", i))
			}
		}
	})
}

// restart is a reset.
func (m *fakeModule) restart() {
	m.boots++
	m.running, m.need, m.line = 1, 0, nil
	m.echo, m.mux, m.dinfo, m.linkMsg, m.joined, m.mode = true, false, false, false, "", 1
	m.passive, m.links, m.server = [5]bool{}, [5]fakeLink{}, 0
	m.after(20*time.Millisecond, func() {
		m.baud = 115200
		m.running = 0
		m.out("\r\nready\r\n")
	})
}

func (m *fakeModule) reboot() { m.do(m.restart) }

// said returns how many commands began with prefix.
func (m *fakeModule) said(prefix string) (n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range m.commands {
		if strings.HasPrefix(c, prefix) {
			n++
		}
	}
	return n
}

// got returns what a link has delivered.
func (m *fakeModule) got(link int) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return string(m.delivered[link])
}

// # Helpers of tests

var forever time.Time

func ap(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func is(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("error %v, want %v", err, want)
	}
}

// versions are the firmwares that every test of a common promise runs on.
var versions = []string{"1.7.4.0", "2.0.0.0 - ESP32", "2.1.0.0 - ESP32", "2.2.1.0 - ESP8266", "2.4.0.0 - ESP32", "3.2.0.0 - ESP32C3", "4.1.1.0 - ESP32C3"}

const newest = "4.1.1.0(1c34 - ESP32C3 - Jan 1 2024)"

// bubble runs f with a device that has joined, in virtual time.
func bubble(t *testing.T, version string, f func(t *testing.T, d *Device, m *fakeModule)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		d, m := joined(t, version, nil)
		defer func() { d.NetDisconnect(); time.Sleep(time.Second) }()
		f(t, d, m)
	})
}

// everywhere is bubble for every firmware.
func everywhere(t *testing.T, f func(t *testing.T, d *Device, m *fakeModule)) {
	t.Helper()
	for _, v := range versions {
		t.Run(v, func(t *testing.T) { bubble(t, v, f) })
	}
}

// joined returns a device that has joined; change may change its Config.
func joined(t testing.TB, version string, change func(*Config)) (*Device, *fakeModule) {
	t.Helper()
	m := newFake(t, version)
	cfg := &Config{Ssid: "home", Passphrase: "passw0rd", Uart: m, Retries: 1}
	if change != nil {
		change(cfg)
	}
	d := newDevice(cfg, offload.Times{})
	if err := d.NetConnect(); err != nil {
		m.mu.Lock()
		t.Fatalf("NetConnect: %v\n%s", err, strings.Join(m.commands, "\n"))
	}
	return d, m
}

func socket(t testing.TB, d *Device, stype, protocol int) int {
	t.Helper()
	fd, err := d.Socket(netdev.AF_INET, stype, protocol)
	ok(t, err)
	return fd
}

func stream(t testing.TB, d *Device) int {
	return socket(t, d, netdev.SOCK_STREAM, netdev.IPPROTO_TCP)
}

// dialed returns a connection and its link.
func dialed(t testing.TB, d *Device) (fd, link int) {
	t.Helper()
	fd = stream(t, d)
	ok(t, d.Connect(fd, "", ap("10.0.0.1:80")))
	return fd, linkOf(d, fd)
}

// linkOf returns the link of a socket.
func linkOf(d *Device, fd int) int {
	d.chip().eng.Take()
	defer d.chip().eng.Give()
	s := d.chip().eng.Find(fd)
	if s == nil {
		return noLink
	}
	return int(d.chip().of(s).link)
}

func listener(t testing.TB, d *Device, port uint16) int {
	t.Helper()
	fd := stream(t, d)
	ok(t, d.Bind(fd, netip.AddrPortFrom(netip.IPv4Unspecified(), port)))
	ok(t, d.Listen(fd, 5))
	return fd
}

func bound(t testing.TB, d *Device, port uint16) (fd, link int) {
	t.Helper()
	fd = socket(t, d, netdev.SOCK_DGRAM, netdev.IPPROTO_UDP)
	ok(t, d.Bind(fd, netip.AddrPortFrom(netip.IPv4Unspecified(), port)))
	return fd, linkOf(d, fd)
}

// recv reads until it has n bytes, or the end.
func recv(t testing.TB, d *Device, fd, n int) string {
	t.Helper()
	var all []byte
	buf := make([]byte, 4096)
	for len(all) < n {
		k, err := d.Recv(fd, buf, 0, time.Now().Add(time.Minute))
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatalf("Recv after %d of %d bytes: %v", len(all), n, err)
		}
		all = append(all, buf[:k]...)
	}
	return string(all)
}

func send(t testing.TB, d *Device, fd int, s string) {
	t.Helper()
	n, err := d.Send(fd, []byte(s), 0, time.Now().Add(time.Minute))
	if err != nil || n != len(s) {
		t.Fatalf("Send: %d of %d bytes, %v", n, len(s), err)
	}
}

// ap0 is a port without an address.
func ap0(port uint16) netip.AddrPort { return netip.AddrPortFrom(netip.Addr{}, port) }

// bubble2 is bubble for a second one in a test.
func bubble2(t *testing.T, version string, f func(t *testing.T, d *Device, m *fakeModule)) {
	t.Helper()
	alone(t, version, nil, func(t *testing.T, d *Device, m *fakeModule) {
		ok(t, d.NetConnect())
		f(t, d, m)
	})
}
