package net

import (
	"net/netip"
	"sync/atomic"
	"time"
)

// The optional interfaces of devices that leave DNS to this package.
type (
	dnsServerer interface {
		// DNSServers returns the servers to ask, the first one first.
		DNSServers() []netip.AddrPort
	}
	dnsSearcher interface {
		// DNSSearch returns the domains in which names are looked up too. A name
		// with ndots dots or more is looked up as it is first.
		DNSSearch() (domains []string, ndots int)
	}
)

// dnsSettings is how to look up, as in resolv.conf(5).
type dnsSettings struct {
	servers       []string
	search        []string // each with a dot at its end
	ndots         int
	timeout       time.Duration // of one question to one server
	attempts      int           // rounds through the servers
	rotate        bool          // begin with another server each time
	singleRequest bool          // one question at a time
	useTCP        bool
	trustAD       bool
}

// dnsTurn counts look-ups for rotate.
var dnsTurn atomic.Uint32

// turn returns the index of the server to begin with.
func (c *dnsSettings) turn() int {
	if !c.rotate {
		return 0
	}
	return int((dnsTurn.Add(1) - 1) % uint32(len(c.servers)))
}

const errNoDNSServer = unsupportedError("the network device does not tell which DNS server to ask")

// dnsSettings returns how r looks up: as the device says or, for a Resolver that
// dials by itself, with a server on this host.
func (r *Resolver) dnsSettings() (cfg *dnsSettings, err error) {
	dev, err := currentDevice()
	if err != nil && !r.dials() {
		return nil, err
	}
	cfg = &dnsSettings{ndots: 1, timeout: 5 * time.Second, attempts: 2, singleRequest: dnsSingleRequest}
	if d, ok := dev.(dnsServerer); ok {
		servers, err := callDNSServers(d)
		if err != nil {
			return nil, err
		}
		for _, s := range servers {
			cfg.servers = append(cfg.servers, s.String())
		}
	}
	if len(cfg.servers) == 0 {
		if !r.dials() {
			return nil, errNoDNSServer
		}
		cfg.servers = []string{"127.0.0.1:53", "[::1]:53"}
	}
	if d, ok := dev.(dnsSearcher); ok {
		var domains []string
		if domains, cfg.ndots, err = callDNSSearch(d); err != nil {
			return nil, err
		}
		for _, name := range domains {
			if name == "" || name[len(name)-1] != '.' {
				name += "."
			}
			if name != "." {
				cfg.search = append(cfg.search, name)
			}
		}
	}
	if onSystem() {
		cfg.readOptions()
	}
	return cfg, nil
}

// names returns what to ask for in order to find name, each with a dot at its
// end.
func (c *dnsSettings) names(name string) (names []string) {
	add := func(name string) {
		if len(name) <= dnsMaxName && !isOnion(name) {
			names = append(names, name)
		}
	}
	if name[len(name)-1] == '.' {
		add(name)
		return names
	}
	dots := 0
	for i := range len(name) {
		if name[i] == '.' {
			dots++
		}
	}
	name += "."
	if dots >= c.ndots {
		add(name)
	}
	for _, domain := range c.search {
		add(name + domain)
	}
	if dots < c.ndots {
		add(name)
	}
	return names
}

// isOnion reports whether a name with a dot at its end belongs to Tor, whose
// names DNS servers must not get to see (RFC 7686).
func isOnion(name string) bool {
	const onion = ".onion."
	i := len(name) - len(onion)
	return i >= 0 && equalFold(name[i:], onion)
}
