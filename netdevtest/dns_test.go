package netdevtest

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"

	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	_ "unsafe" // for go:linkname

	"golang.org/x/net/dns/dnsmessage"

	ours "tinynet/src/net"

	"tinynet/hostnet"
)

// Look-ups by tinynet's net and by Go's, on DNS servers in memory that give the
// same bytes to both: results, errors and the questions asked have to be the same.

//go:linkname oursDevice tinynet/src/net.tinynetDevice
var oursDevice any

// useSystem gives ours the configuration that Go's net has: the machine's.
func useSystem(t testing.TB) {
	old := oursDevice
	t.Cleanup(func() { oursDevice = old })
	oursDevice = &hostnet.Device{}
	// Outside of any bubble, for what Go's net makes once.
	refuse := errors.New("refused")
	r := net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) { return nil, refuse }}
	r.LookupMX(context.Background(), "a.example.")
	r.LookupHost(context.Background(), "a.example.")
	r.LookupAddr(context.Background(), "192.0.2.1")
}

// A dnsHandler is a DNS server. It gets a question and how often it was asked before, and
// returns what to send: nothing, one datagram, or several. Over TCP they are one message
// each.
type dnsHandler func(network string, n int, q []byte) [][]byte

// dnsServer runs a handler and notes what it was asked.
type dnsServer struct {
	handler dnsHandler
	hangUp  bool // after the answers, instead of leaving the client to wait
	fast    bool // answer at once

	mu  sync.Mutex
	log []string
}

// dial returns a connection to the server.
func (s *dnsServer) dial(network, address string) net.Conn {
	near, far := net.Pipe()
	go func() {
		defer far.Close()
		buf := make([]byte, 1<<16)
		n, err := far.Read(buf)
		if err != nil {
			return
		}
		q := bytes.Clone(buf[:n])
		if network == "tcp" {
			q = q[2:]
		}
		s.mu.Lock()
		noted := bytes.Clone(q)
		noted[0], noted[1] = 0, 0 // the id is random
		entry := fmt.Sprintf("%s %s %q", network, address, noted)
		count := 0
		for _, e := range s.log {
			if e == entry {
				count++
			}
		}
		s.log = append(s.log, entry)
		s.mu.Unlock()
		// Questions of several types may come at once. Their answers come one
		// after the other.
		if !s.fast {
			time.Sleep(time.Duration(q[len(q)-14]) * time.Millisecond)
		}
		for _, a := range s.handler(network, count, q) {
			if network == "tcp" {
				a = append(binary.BigEndian.AppendUint16(nil, uint16(len(a))), a...)
			}
			if _, err := far.Write(a); err != nil {
				return
			}
		}
		if !s.hangUp {
			io.Copy(io.Discard, far)
		}
	}()
	if network == "udp" {
		return packets{near}
	}
	return near
}

// packets keeps the bounds of what a pipe carries.
type packets struct{ net.Conn }

func (p packets) Read(b []byte) (int, error) {
	buf := make([]byte, 1<<16)
	n, err := p.Conn.Read(buf)
	return copy(b, buf[:n]), err
}

// stockPackets and oursPackets are packets as either net knows them.
type stockPackets struct{ packets }

func (p stockPackets) ReadFrom(b []byte) (int, net.Addr, error)       { panic("not used") }
func (p stockPackets) WriteTo(b []byte, to net.Addr) (n int, e error) { panic("not used") }

type oursStream struct{ net.Conn }

func (oursStream) LocalAddr() ours.Addr  { return nil }
func (oursStream) RemoteAddr() ours.Addr { return nil }

type oursPackets struct{ oursStream }

func (p oursPackets) ReadFrom(b []byte) (int, ours.Addr, error)       { panic("not used") }
func (p oursPackets) WriteTo(b []byte, to ours.Addr) (n int, e error) { panic("not used") }

// lookups are the kinds of look-up, by either net. Results without an order
// of their own are sorted.
var lookups = map[string]struct {
	stock func(r *net.Resolver, ctx context.Context, name string) (any, error)
	ours  func(r *ours.Resolver, ctx context.Context, name string) (any, error)
}{
	"MX": {
		func(r *net.Resolver, ctx context.Context, name string) (any, error) {
			return values(r.LookupMX(ctx, name))
		},
		func(r *ours.Resolver, ctx context.Context, name string) (any, error) {
			return values(r.LookupMX(ctx, name))
		},
	},
	"NS": {
		func(r *net.Resolver, ctx context.Context, name string) (any, error) {
			return values(r.LookupNS(ctx, name))
		},
		func(r *ours.Resolver, ctx context.Context, name string) (any, error) {
			return values(r.LookupNS(ctx, name))
		},
	},
	"TXT": {
		func(r *net.Resolver, ctx context.Context, name string) (any, error) { return r.LookupTXT(ctx, name) },
		func(r *ours.Resolver, ctx context.Context, name string) (any, error) { return r.LookupTXT(ctx, name) },
	},
	"SRV": {
		func(r *net.Resolver, ctx context.Context, name string) (any, error) {
			cname, srv, err := r.LookupSRV(ctx, "", "", name)
			all, _ := values(srv, err)
			return append(all, cname), err
		},
		func(r *ours.Resolver, ctx context.Context, name string) (any, error) {
			cname, srv, err := r.LookupSRV(ctx, "", "", name)
			all, _ := values(srv, err)
			return append(all, cname), err
		},
	},
	"service": {
		func(r *net.Resolver, ctx context.Context, name string) (any, error) {
			_, srv, err := r.LookupSRV(ctx, "http", "tcp", name)
			return values(srv, err)
		},
		func(r *ours.Resolver, ctx context.Context, name string) (any, error) {
			_, srv, err := r.LookupSRV(ctx, "http", "tcp", name)
			return values(srv, err)
		},
	},
	"PTR": {
		func(r *net.Resolver, ctx context.Context, name string) (any, error) {
			return r.LookupAddr(ctx, "192.0.2.1")
		},
		func(r *ours.Resolver, ctx context.Context, name string) (any, error) {
			return r.LookupAddr(ctx, "192.0.2.1")
		},
	},
	"PTR6": {
		func(r *net.Resolver, ctx context.Context, name string) (any, error) {
			return r.LookupAddr(ctx, "2001:db8::1")
		},
		func(r *ours.Resolver, ctx context.Context, name string) (any, error) {
			return r.LookupAddr(ctx, "2001:db8::1")
		},
	},
	"CNAME": {
		func(r *net.Resolver, ctx context.Context, name string) (any, error) { return r.LookupCNAME(ctx, name) },
		func(r *ours.Resolver, ctx context.Context, name string) (any, error) { return r.LookupCNAME(ctx, name) },
	},
	"host": {
		func(r *net.Resolver, ctx context.Context, name string) (any, error) {
			all, err := r.LookupIPAddr(ctx, name)
			return texts(all), err
		},
		func(r *ours.Resolver, ctx context.Context, name string) (any, error) {
			all, err := r.LookupIPAddr(ctx, name)
			return texts(all), err
		},
	},
	"host4": {
		func(r *net.Resolver, ctx context.Context, name string) (any, error) {
			all, err := r.LookupNetIP(ctx, "ip4", name)
			return texts(all), err
		},
		func(r *ours.Resolver, ctx context.Context, name string) (any, error) {
			all, err := r.LookupNetIP(ctx, "ip4", name)
			return texts(all), err
		},
	},
	"host6": {
		func(r *net.Resolver, ctx context.Context, name string) (any, error) {
			all, err := r.LookupNetIP(ctx, "ip6", name)
			return texts(all), err
		},
		func(r *ours.Resolver, ctx context.Context, name string) (any, error) {
			all, err := r.LookupNetIP(ctx, "ip6", name)
			return texts(all), err
		},
	},
}

// values returns what records consist of, sorted.
func values[T any](records []*T, err error) ([]string, error) {
	var all []string
	for _, r := range records {
		all = append(all, fmt.Sprintf("%+v", *r))
	}
	slices.Sort(all)
	return all, err
}

func texts[T any](ips []T) []string {
	var all []string
	for _, ip := range ips {
		s := fmt.Sprint(any(&ip)) // IPAddr has its String method on the pointer
		if a, ok := any(ip).(netip.Addr); ok {
			s = a.Unmap().String()
		}
		all = append(all, s)
	}
	slices.Sort(all)
	return all
}

// outcome is what of a look-up has to be equal.
func outcome(result any, err error, log []string) string {
	slices.Sort(log) // questions may be asked at once
	s := fmt.Sprintf("%q", result)
	if v := reflect.ValueOf(result); err != nil && (v.Kind() == reflect.Slice || v.Kind() == reflect.String) && v.Len() == 0 {
		s = "nothing"
	}
	var fields any
	var stock *net.DNSError
	var our *ours.DNSError
	switch {
	case errors.As(err, &stock):
		e := *stock
		e.UnwrapErr = nil
		if e.IsTimeout {
			e.Err, e.Server = "timeout", "" // whose, and of what, is up to chance
		}
		fields = e
	case errors.As(err, &our):
		e := *our
		e.UnwrapErr = nil
		if e.IsTimeout {
			e.Err, e.Server = "timeout", ""
		}
		fields = e
	default:
		fields = err
	}
	return fmt.Sprintf("%s\n    %+v\n    %s", s, fields, strings.Join(log, "\n    "))
}

// compareLookups looks up a name with both and fails t unless they agree. It returns
// the result of ours. It runs in a bubble.
func compareLookups(t *testing.T, kind, name string, strict, hangUp bool, timeout time.Duration, handler dnsHandler) (result any, err error) {
	t.Helper()
	defer time.Sleep(time.Hour) // for what goes on in the background
	ctx := func() (context.Context, context.CancelFunc) {
		if timeout == 0 {
			return context.WithCancel(context.Background())
		}
		return context.WithTimeout(context.Background(), timeout)
	}
	s := &dnsServer{handler: handler, hangUp: hangUp}
	c, cancel := ctx()
	result, err = lookups[kind].stock(&net.Resolver{PreferGo: true, StrictErrors: strict,
		Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
			c := s.dial(network, address)
			if p, ok := c.(packets); ok {
				return stockPackets{p}, nil
			}
			return c, nil
		}}, c, name)
	cancel()
	s.mu.Lock()
	want := outcome(result, err, s.log)
	s.mu.Unlock()

	s = &dnsServer{handler: handler, hangUp: hangUp}
	c, cancel = ctx()
	defer cancel()
	result, err = lookups[kind].ours(&ours.Resolver{PreferGo: true, StrictErrors: strict,
		Dial: func(ctx context.Context, network, address string) (ours.Conn, error) {
			c := oursStream{s.dial(network, address)}
			if _, ok := c.Conn.(packets); ok {
				return oursPackets{c}, nil
			}
			return c, nil
		}}, c, name)
	s.mu.Lock()
	got := outcome(result, err, s.log)
	s.mu.Unlock()
	if got != want {
		t.Errorf("%s %s\n  ours %s\n  Go's %s", kind, name, got, want)
	}
	return result, err
}

// reply returns an answer to q, changed by edit.
func reply(q []byte, edit func(m *dnsmessage.Message)) []byte {
	var m dnsmessage.Message
	if err := m.Unpack(q); err != nil {
		panic(err)
	}
	m.Response, m.RecursionAvailable, m.Additionals = true, true, nil
	edit(&m)
	b, err := m.Pack()
	if err != nil {
		panic(err)
	}
	return b
}

// record returns a record under a name.
func record(name string, body dnsmessage.ResourceBody) dnsmessage.Resource {
	return dnsmessage.Resource{Header: dnsmessage.ResourceHeader{Name: dnsmessage.MustNewName(name), Class: dnsmessage.ClassINET, TTL: 60}, Body: body}
}

// zone answers from records, by the type of the question.
func zone(m *dnsmessage.Message) {
	q := m.Questions[0]
	name := q.Name.String()
	host := dnsmessage.MustNewName
	var all []dnsmessage.ResourceBody
	switch q.Type {
	case dnsmessage.TypeA:
		all = []dnsmessage.ResourceBody{&dnsmessage.AResource{A: [4]byte{192, 0, 2, 1}}, &dnsmessage.AResource{A: [4]byte{192, 0, 2, 2}}}
	case dnsmessage.TypeAAAA:
		all = []dnsmessage.ResourceBody{&dnsmessage.AAAAResource{AAAA: [16]byte{0x20, 1, 0xd, 0xb8, 15: 1}}}
	case dnsmessage.TypeMX:
		all = []dnsmessage.ResourceBody{&dnsmessage.MXResource{Pref: 10, MX: host("mx1.a.example.")}, &dnsmessage.MXResource{Pref: 5, MX: host("mx2.b.example.")}}
	case dnsmessage.TypeNS:
		all = []dnsmessage.ResourceBody{&dnsmessage.NSResource{NS: host("ns1.a.example.")}, &dnsmessage.NSResource{NS: host("ns2.a.example.")}}
	case dnsmessage.TypeTXT:
		all = []dnsmessage.ResourceBody{&dnsmessage.TXTResource{TXT: []string{"one", "", "two"}}, &dnsmessage.TXTResource{TXT: []string{strings.Repeat("x", 255), "y"}}}
	case dnsmessage.TypeSRV:
		all = []dnsmessage.ResourceBody{&dnsmessage.SRVResource{Priority: 1, Weight: 2, Port: 3, Target: host("s.a.example.")}}
	case dnsmessage.TypePTR:
		all = []dnsmessage.ResourceBody{&dnsmessage.PTRResource{PTR: host("p.a.example.")}, &dnsmessage.PTRResource{PTR: host("q.a.example.")}}
	}
	for _, body := range all {
		m.Answers = append(m.Answers, record(name, body))
	}
}

func answers(edits ...func(m *dnsmessage.Message)) dnsHandler {
	return func(network string, n int, q []byte) [][]byte {
		return [][]byte{reply(q, func(m *dnsmessage.Message) {
			for _, edit := range edits {
				edit(m)
			}
		})}
	}
}

// names gives records with names that a host cannot have.
func badNames(m *dnsmessage.Message) {
	name, bad := m.Questions[0].Name.String(), dnsmessage.MustNewName("<html>.")
	bodies := map[dnsmessage.Type]dnsmessage.ResourceBody{
		dnsmessage.TypeMX: &dnsmessage.MXResource{MX: bad}, dnsmessage.TypeNS: &dnsmessage.NSResource{NS: bad},
		dnsmessage.TypeSRV: &dnsmessage.SRVResource{Target: bad}, dnsmessage.TypePTR: &dnsmessage.PTRResource{PTR: bad},
	}
	if body := bodies[m.Questions[0].Type]; body != nil {
		m.Answers = append(m.Answers, record(name, body))
	}
	if m.Questions[0].Type == dnsmessage.TypeMX {
		for _, host := range []string{"192.0.2.9.", "."} {
			m.Answers = append(m.Answers, record(name, &dnsmessage.MXResource{MX: dnsmessage.MustNewName(host)}))
		}
	}
}

var dnsCases = []struct {
	name    string
	strict  bool
	timeout time.Duration
	handler dnsHandler
}{
	{"answer", false, 0, answers(zone)},
	{"answer under another name", false, 0, answers(zone, func(m *dnsmessage.Message) {
		for i := range m.Answers {
			m.Answers[i].Header.Name = dnsmessage.MustNewName("real.example.")
		}
		alias := record(m.Questions[0].Name.String(), &dnsmessage.CNAMEResource{CNAME: dnsmessage.MustNewName("real.example.")})
		m.Answers = append([]dnsmessage.Resource{alias}, m.Answers...)
	})},
	{"answer under a bad name", false, 0, answers(zone, func(m *dnsmessage.Message) {
		for i := range m.Answers {
			m.Answers[i].Header.Name = dnsmessage.MustNewName("<html>.")
		}
	})},
	{"answer in other letters", false, 0, answers(zone, func(m *dnsmessage.Message) {
		m.Questions[0].Name = dnsmessage.MustNewName(strings.ToUpper(m.Questions[0].Name.String()))
	})},
	{"bad names", false, 0, answers(zone, badNames)},
	{"bad names only", false, 0, answers(badNames)},
	{"empty answer", false, 0, answers()},
	{"only a CNAME", false, 0, answers(func(m *dnsmessage.Message) {
		m.Answers = []dnsmessage.Resource{record(m.Questions[0].Name.String(), &dnsmessage.CNAMEResource{CNAME: dnsmessage.MustNewName("b.example.")})}
	})},
	{"other records only", false, 0, answers(func(m *dnsmessage.Message) {
		m.Answers = []dnsmessage.Resource{record(m.Questions[0].Name.String(), &dnsmessage.SOAResource{NS: dnsmessage.MustNewName("a."), MBox: dnsmessage.MustNewName("b.")})}
	})},
	{"NXDOMAIN", false, 0, answers(func(m *dnsmessage.Message) { m.RCode = dnsmessage.RCodeNameError })},
	{"NXDOMAIN with records", false, 0, answers(zone, func(m *dnsmessage.Message) { m.RCode = dnsmessage.RCodeNameError })},
	{"SERVFAIL", false, 0, answers(func(m *dnsmessage.Message) { m.RCode = dnsmessage.RCodeServerFailure })},
	{"SERVFAIL, strict", true, 0, answers(func(m *dnsmessage.Message) { m.RCode = dnsmessage.RCodeServerFailure })},
	{"SERVFAIL for A", false, 0, answers(zone, func(m *dnsmessage.Message) {
		if m.Questions[0].Type == dnsmessage.TypeA {
			m.RCode = dnsmessage.RCodeServerFailure
		}
	})},
	{"SERVFAIL for A, strict", true, 0, answers(zone, func(m *dnsmessage.Message) {
		if m.Questions[0].Type == dnsmessage.TypeA {
			m.RCode = dnsmessage.RCodeServerFailure
		}
	})},
	{"REFUSED", false, 0, answers(func(m *dnsmessage.Message) { m.RCode = dnsmessage.RCodeRefused })},
	{"NOTIMP", false, 0, answers(zone, func(m *dnsmessage.Message) { m.RCode = dnsmessage.RCodeNotImplemented })},
	{"extended code", false, 0, answers(zone, func(m *dnsmessage.Message) {
		var h dnsmessage.ResourceHeader
		h.SetEDNS0(1232, 23<<4|dnsmessage.RCodeNameError, false)
		m.Additionals = []dnsmessage.Resource{{Header: h, Body: &dnsmessage.OPTResource{}}}
	})},
	{"lame referral", false, 0, answers(func(m *dnsmessage.Message) { m.RecursionAvailable = false })},
	{"referral with glue", false, 0, answers(func(m *dnsmessage.Message) {
		m.RecursionAvailable = false
		m.Additionals = []dnsmessage.Resource{record("ns.example.", &dnsmessage.AResource{})}
	})},
	{"authoritative and empty", false, 0, answers(func(m *dnsmessage.Message) { m.RecursionAvailable, m.Authoritative = false, true })},
	{"two questions", false, 0, answers(zone, func(m *dnsmessage.Message) { m.Questions = append(m.Questions, m.Questions[0]) })},
	{"no question", false, 0, answers(zone, func(m *dnsmessage.Message) { m.Questions = nil })},
	{"silence", false, 0, func(string, int, []byte) [][]byte { return nil }},
	{"silence, strict", true, 0, func(string, int, []byte) [][]byte { return nil }},
	{"silence, little time", false, time.Second, func(string, int, []byte) [][]byte { return nil }},
	{"answer to the second question", false, 0, func(network string, n int, q []byte) [][]byte {
		if n < 1 {
			return nil
		}
		return [][]byte{reply(q, zone)}
	}},
	{"junk", false, 0, func(network string, n int, q []byte) [][]byte { return [][]byte{{}, {1}, make([]byte, 12)} }},
	{"forgeries, then the answer", false, 0, func(network string, n int, q []byte) [][]byte {
		forge := func(edit func(m *dnsmessage.Message)) []byte {
			return reply(q, func(m *dnsmessage.Message) {
				m.RCode = dnsmessage.RCodeNameError
				edit(m)
			})
		}
		return [][]byte{
			forge(func(m *dnsmessage.Message) { m.ID++ }),
			forge(func(m *dnsmessage.Message) { m.Response = false }),
			forge(func(m *dnsmessage.Message) { m.Questions[0].Type++ }),
			forge(func(m *dnsmessage.Message) { m.Questions[0].Class++ }),
			forge(func(m *dnsmessage.Message) { m.Questions[0].Name = dnsmessage.MustNewName("evil.example.") }),
			forge(func(m *dnsmessage.Message) { m.Questions = nil }),
			q[:11],
			reply(q, zone),
		}
	}},
	{"truncated", false, 0, func(network string, n int, q []byte) [][]byte {
		return [][]byte{reply(q, func(m *dnsmessage.Message) {
			if network == "udp" {
				m.Truncated = true
				return
			}
			zone(m)
		})}
	}},
	{"truncated by TCP too", false, 0, answers(zone, func(m *dnsmessage.Message) { m.Truncated = true })},
	{"forged by TCP", false, 0, answers(zone, func(m *dnsmessage.Message) {
		m.Truncated = true
		m.ID++
	})},
	{"junk by TCP", false, 0, func(network string, n int, q []byte) [][]byte {
		if network == "udp" {
			return [][]byte{reply(q, func(m *dnsmessage.Message) { m.Truncated = true })}
		}
		return [][]byte{{1, 2, 3}}
	}},
	{"huge by UDP", false, 0, answers(zone, many(100))},
	{"huge by TCP", false, 0, func(network string, n int, q []byte) [][]byte {
		return [][]byte{reply(q, func(m *dnsmessage.Message) {
			m.Truncated = network == "udp"
			if network == "tcp" {
				many(900)(m)
			}
		})}
	}},
	{"looping pointers", false, 0, func(network string, n int, q []byte) [][]byte {
		a := reply(q, zone)
		i := bytes.Index(a[12:], []byte{0xc0, 0x0c})
		if i < 0 {
			return [][]byte{a}
		}
		binary.BigEndian.PutUint16(a[12+i:], 0xc000|uint16(12+i))
		return [][]byte{a}
	}},
	{"cut off", false, 0, func(network string, n int, q []byte) [][]byte {
		a := reply(q, zone)
		return [][]byte{a[:len(a)-3]}
	}},
}

// many makes the answers many times as many.
func many(n int) func(m *dnsmessage.Message) {
	return func(m *dnsmessage.Message) {
		zone(m)
		m.Answers = slices.Repeat(m.Answers, n)
	}
}

func TestLookupsAsGo(t *testing.T) {
	useSystem(t)
	for _, tt := range dnsCases {
		t.Run(tt.name, func(t *testing.T) {
			for kind := range lookups {
				for _, name := range []string{"a.example.", "a.b.example", "single"} {
					synctest.Test(t, func(t *testing.T) {
						compareLookups(t, kind, name, tt.strict, false, tt.timeout, tt.handler)
					})
				}
			}
		})
	}
	for _, name := range []string{"-", "a b.", "a..b", "ü.example", strings.Repeat("a", 300), strings.Repeat("a", 64) + ".b", strings.Repeat("a.", 126) + "a", "1.2.3", "a_b.example", ".", "<html>"} {
		for kind := range lookups {
			synctest.Test(t, func(t *testing.T) { compareLookups(t, kind, name, false, false, 0, answers(zone)) })
		}
	}
}

// The comparison is worth nothing if nothing is ever found.
func TestLookupsFind(t *testing.T) {
	useSystem(t)
	for kind := range lookups {
		synctest.Test(t, func(t *testing.T) {
			result, err := compareLookups(t, kind, "a.example.", false, false, 0, answers(zone))
			if s := fmt.Sprint(result); err != nil || !strings.Contains(s, "example") && !strings.Contains(s, "192.0.2.1") && !strings.Contains(s, "2001:db8::1") && !strings.Contains(s, "onetwo") {
				t.Errorf("%s: %v, %v", kind, result, err)
			}
		})
	}
}

// FuzzLookups gives both the same answer, with the right id and, unless the input says
// otherwise, to the right question.
func FuzzLookups(f *testing.F) {
	useSystem(f)
	var kinds []string
	for kind := range lookups {
		kinds = append(kinds, kind)
	}
	slices.Sort(kinds)
	var adding sync.Mutex // questions come two at a time
	for i, kind := range kinds {
		for _, tt := range dnsCases {
			// The answers of each case, to a question of each kind.
			s := &dnsServer{hangUp: true, fast: true}
			s.handler = func(network string, n int, q []byte) [][]byte {
				all := tt.handler(network, n, q)
				for _, a := range all {
					if m := len(a); m >= len(q)-11 && m < 4096 {
						adding.Lock()
						f.Add(uint8(i), a[2:12], a[len(q)-11:], true)
						adding.Unlock()
					}
				}
				return all
			}
			r := &ours.Resolver{Dial: func(ctx context.Context, network, address string) (ours.Conn, error) {
				c := oursStream{s.dial(network, address)}
				if network == "udp" {
					return oursPackets{c}, nil
				}
				return c, nil
			}}
			lookups[kind].ours(r, context.Background(), "a.example.")
		}
	}
	f.Fuzz(func(t *testing.T, kind uint8, header, body []byte, question bool) {
		if len(header) != 10 || bytes.Contains(body, []byte{0xc0, 0}) || bytes.Contains(body, []byte{0xc0, 1}) {
			return // the last two point to the id, which is random
		}
		synctest.Test(t, func(t *testing.T) {
			compareLookups(t, kinds[int(kind)%len(kinds)], "a.example.", false, true, 0, func(network string, n int, q []byte) [][]byte {
				a := append(bytes.Clone(q[:2]), header...)
				a[2] |= 0x80 // an answer
				if question {
					a[4], a[5] = 0, 1
					a = append(a, q[12:len(q)-11]...)
				}
				return [][]byte{append(a, body...)}
			})
		})
	})
}
