//go:build (linux || darwin) && !tinygo

package hostnet

import (
	"errors"
	"strconv"
	"sync"
	"time"
)

// errNoInterface is the error for a zone that no network interface has.
var errNoInterface = errors.New("no network interface has the name of the address's zone")

// zoneLife is how long the names of interfaces are kept. Interfaces come, go
// and are renamed rarely.
const zoneLife = time.Minute

// zones knows the names and numbers of the network interfaces, which are the
// zones of IPv6 link-local addresses.
type zones struct {
	mu    sync.Mutex
	known []zone
	until time.Time
}

type zone struct {
	index uint32
	name  string
}

// index returns the number of the interface that a zone names, or the number
// that it is.
func (z *zones) index(name string) (uint32, error) {
	if e, ok := z.find(func(e zone) bool { return e.name == name }); ok {
		return e.index, nil
	}
	if n, err := strconv.ParseUint(name, 10, 32); err == nil {
		return uint32(n), nil
	}
	return 0, errNoInterface
}

// name returns the name of an interface, or its number in text.
func (z *zones) name(index uint32) string {
	if e, ok := z.find(func(e zone) bool { return e.index == index }); ok {
		return e.name
	}
	return strconv.FormatUint(uint64(index), 10)
}

// find returns the interface that match picks, from memory if that is young
// and has it.
func (z *zones) find(match func(zone) bool) (zone, bool) {
	z.mu.Lock()
	defer z.mu.Unlock()
	fresh := time.Now().Before(z.until)
	for {
		if fresh {
			for _, e := range z.known {
				if match(e) {
					return e, true
				}
			}
		}
		if fresh && time.Until(z.until) > zoneLife-time.Second {
			return zone{}, false // asked the system a moment ago
		}
		all, err := interfaces()
		if err != nil {
			return zone{}, false
		}
		z.known, z.until, fresh = all, time.Now().Add(zoneLife), true
	}
}
