//go:build linux || darwin

package hostnet

import "syscall"

// What follows is for Go's own tests of net, and only in their overlay.

// InsideFiles sets the system's files.
func InsideFiles(hosts, resolv string) { hostsFile, resolvFile = hosts, resolv }

// InsideHostname sets what tells the system's name.
func InsideHostname(f func() (string, error)) { hostname = f }

// InsideAccept has f called before each attempt to accept a connection. Its
// error is what the system would have said.
func InsideAccept(f func() error) {
	acceptOne = func(fd int) (int, syscall.Sockaddr, error) {
		if err := f(); err != nil {
			return -1, nil, err
		}
		return sysAccept(fd)
	}
}

// InsideSockets returns how many sockets there are.
func (d *Device) InsideSockets() int {
	d.table.mu.Lock()
	defer d.table.mu.Unlock()
	return len(d.table.generations) - len(d.table.free)
}
