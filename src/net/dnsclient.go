package net

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"time"
)

// Errors of a DNS look-up, as the text of a DNSError.
var (
	errLameReferral           = errors.New("lame referral")
	errBadDNSMessage          = errors.New("cannot unmarshal DNS message")
	errBadDNSQuery            = errors.New("cannot marshal DNS message")
	errMisbehaving            = errors.New("server misbehaving")
	errMisbehavingNow   error = temporaryError("server misbehaving")
	errInvalidDNSAnswer       = errors.New("invalid DNS response")
	errNoDNSAnswer            = errors.New("no answer from DNS server")
	errLongDNSAnswer          = errors.New("DNS response is too long for the memory here")
)

// temporaryError is an error that passes.
type temporaryError string

func (e temporaryError) Error() string { return string(e) }
func (temporaryError) Timeout() bool   { return false }
func (temporaryError) Temporary() bool { return true }

// A dnsAnswer is an answer, in front of the records that were asked for, and who
// gave it.
type dnsAnswer struct {
	dnsMessage
	server string
}

// ask asks the servers for a name, which ends in a dot. It returns an answer that
// has a record of the type.
func (r *Resolver) ask(ctx context.Context, cfg *dnsSettings, name string, qtype uint16) (a dnsAnswer, err error) {
	first := cfg.turn()
	for i := range cfg.attempts * len(cfg.servers) {
		a.server = cfg.servers[(first+i)%len(cfg.servers)]
		cause := error(nil)
		if a.dnsMessage, cause = r.query(ctx, cfg, a.server, name, qtype); cause == nil {
			cause = a.check(qtype)
		}
		if cause == nil {
			return a, nil
		}
		e := newDNSError(cause, name, a.server)
		if _, ok := cause.(*OpError); ok {
			e.IsTemporary = true
		}
		err = e
		// That there is nothing is an answer too. And it is of no use to go on
		// when the caller does not wait any more.
		if isNotFound(cause) || ctx.Err() != nil {
			break
		}
	}
	return a, err
}

// query asks one server: by UDP, and by TCP if the answer is too long for a
// datagram.
//
// It is not inlined, so that its frame is not on the stack beneath a connection.
//
//go:noinline
func (r *Resolver) query(ctx context.Context, cfg *dnsSettings, server, name string, qtype uint16) (m dnsMessage, err error) {
	query, ok := dnsQuery(uint16(rand.Uint32()), name, qtype, cfg.trustAD)
	if !ok {
		return m, errBadDNSQuery
	}
	for _, network := range [...]string{"udp", "tcp"} {
		if network == "udp" && cfg.useTCP {
			continue
		}
		err = r.roundTrip(ctx, cfg.timeout, network, server, query, &dnsRecord{name: name, typ: qtype, class: dnsClassIN}, &m)
		if err != nil {
			return m, err
		}
		if m.left[dnsQuestions] != 0 {
			return m, errInvalidDNSAnswer
		}
		if network == "tcp" || m.bits&dnsTruncated == 0 {
			return m, nil
		}
	}
	return m, errNoDNSAnswer
}

// roundTrip sends a query and reads the answer to question into m. What it does with the
// connection is in other functions, so that little is on the stack while that is made.
//
//go:noinline
func (r *Resolver) roundTrip(ctx context.Context, timeout time.Duration, network, server string, query []byte, question *dnsRecord, m *dnsMessage) error {
	limited, cancel := context.WithTimeout(ctx, timeout)
	// The server is an address, not a name: it does not come back here.
	dial := new(Dialer).DialContext
	if r.dials() {
		dial = r.Dial
	}
	c, err := dial(limited, network, server)
	if err == nil {
		err = exchange(ctx, limited, c, query, question, m)
	}
	cancel()
	return mapErr(err)
}

// exchange is a round trip on a connection, until the end of limited or of ctx behind it.
//
//go:noinline
func exchange(ctx, limited context.Context, c Conn, query []byte, question *dnsRecord, m *dnsMessage) (err error) {
	defer c.Close()
	if t, ok := limited.Deadline(); ok {
		c.SetDeadline(t)
	}
	stop := context.AfterFunc(ctx, func() { c.SetDeadline(longAgo.time()) })
	defer stop()
	// The Dial function decides what it is.
	if _, packets := c.(PacketConn); packets {
		*m, err = packetRoundTrip(c, query[2:], *question)
	} else {
		*m, err = streamRoundTrip(c, query, *question)
	}
	if err != nil && ctx.Err() == context.Canceled {
		err = errCanceled
	}
	return err
}

// packetRoundTrip ignores what does not answer the query: it may be forged, and the
// right answer may still come.
//
// It is not inlined, so that its frame is not on the stack beneath a connection.
//
//go:noinline
func packetRoundTrip(c Conn, query []byte, question dnsRecord) (m dnsMessage, err error) {
	if _, err := c.Write(query); err != nil {
		return m, err
	}
	b := make([]byte, dnsMaxPacket)
	for {
		n, err := c.Read(b)
		if err != nil {
			return m, err
		}
		m, ok := parseDNS(b[:n])
		if !ok {
			continue
		}
		if q, ok := m.question(); ok && m.answers(query, q, question) {
			return m, nil
		}
	}
}

// It is not inlined, so that its frame is not on the stack beneath a connection.
//
//go:noinline
func streamRoundTrip(c Conn, query []byte, question dnsRecord) (m dnsMessage, err error) {
	if _, err := c.Write(query); err != nil {
		return m, err
	}
	var length [2]byte
	if _, err := io.ReadFull(c, length[:]); err != nil {
		return m, err
	}
	n := int(length[0])<<8 | int(length[1])
	if n > dnsMaxStream {
		return m, errLongDNSAnswer
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(c, b); err != nil {
		return m, err
	}
	m, ok := parseDNS(b)
	if !ok {
		return m, errBadDNSMessage
	}
	q, ok := m.question()
	if !ok {
		return m, errBadDNSMessage
	}
	if !m.answers(query[2:], q, question) {
		return m, errInvalidDNSAnswer
	}
	return m, nil
}

// answers reports whether the message, whose question is q, is the answer to
// the query.
func (m *dnsMessage) answers(query []byte, q, question dnsRecord) bool {
	id := uint16(query[0])<<8 | uint16(query[1])
	return m.bits&dnsResponse != 0 && m.id == id &&
		q.typ == question.typ && q.class == question.class && equalFold(q.name, question.name)
}

// check goes to the first record of the type. It returns what is wrong with the
// answer, which includes that there is none.
//
// It is not inlined, so that its frame is not on the stack beneath a connection.
//
//go:noinline
func (m *dnsMessage) check(qtype uint16) error {
	code, additional := m.rcode()
	if code == dnsNameError {
		return errNoSuchHost
	}
	for first := true; ; first = false {
		before := *m
		r, more, ok := m.next(dnsAnswers)
		switch {
		case !ok:
			return errBadDNSMessage
		case first && code == dnsServerFailure:
			return errMisbehavingNow
		case first && code != dnsSuccess:
			return errMisbehaving
		case first && !more && !additional && m.bits&(dnsAuthoritative|dnsRecursionAvailable) == 0:
			// It points to other servers, and so does not know: the next may.
			return errLameReferral
		case !more:
			return errNoSuchHost
		case r.typ == qtype:
			*m = before
			return nil
		case !m.complete(r):
			return errBadDNSMessage
		}
	}
}

// find looks for records of a type under a name and in the domains to search.
func (r *Resolver) find(ctx context.Context, name string, qtype uint16) (a dnsAnswer, err error) {
	if !isDomainName(name) {
		return a, newDNSError(errNoSuchHost, name, "")
	}
	cfg, err := r.dnsSettings()
	if err != nil {
		return a, lookupError(err, name)
	}
	// No name to ask for, as below .onion, is no such host.
	err = newDNSError(errNoSuchHost, name, "")
	for _, full := range cfg.names(name) {
		a, err = r.ask(ctx, cfg, full, qtype)
		if err == nil {
			return a, nil
		}
		if ctx.Err() != nil || r.strict() && isTemporary(err) {
			break
		}
	}
	return a, named(err, name)
}

// named returns a DNSError under the name that the caller knows.
func named(err error, name string) error {
	if e, ok := err.(*DNSError); ok {
		e.Name = name
	}
	return err
}

// each calls f with the answers of a type, until it reports that one is bad.
func (a *dnsAnswer) each(qtype uint16, name string, f func(r dnsRecord) (ok bool)) error {
	for {
		r, more, ok := a.next(dnsAnswers)
		if ok && !more {
			return nil
		}
		if ok {
			if r.typ == qtype {
				ok = f(r)
			} else {
				ok = a.complete(r)
			}
		}
		if !ok {
			return &DNSError{Err: errBadDNSMessage.Error(), Name: name, Server: a.server}
		}
	}
}
