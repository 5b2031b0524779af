//go:build (linux || darwin) && !tinygo

package hostnet

import (
	"os"
	"syscall"
	"time"

	"tinynet/netdev"
)

// setDefaults sets what Go's net sets on every new socket.
func setDefaults(fd, domain, stype int) error {
	if domain == syscall.AF_UNIX || stype == syscall.SOCK_RAW {
		return nil
	}
	if domain == syscall.AF_INET6 {
		if err := syscall.SetsockoptInt(fd, syscall.IPPROTO_IPV6, syscall.IPV6_V6ONLY, 1); err != nil {
			return err
		}
	}
	if stype == syscall.SOCK_STREAM {
		// Accepted connections have it from their listener.
		return syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1)
	}
	return syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_BROADCAST, 1)
}

// SetSockOpt sets an option of package netdev or of this one. A value of another type
// than the option's is EINVAL; an option that is neither's is
// netdev.ErrNotSupported.
//
// Accepted connections inherit the options of their listener.
func (d *Device) SetSockOpt(sockfd, level, opt int, value interface{}) error {
	s, err := d.table.get(sockfd)
	if err != nil {
		return err
	}
	n, ok := 0, false
	switch level<<16 | opt {
	case netdev.SOL_SOCKET<<16 | netdev.SO_LINGER:
		if n, ok = value.(int); !ok {
			break
		}
		linger := syscall.Linger{}
		if n >= 0 {
			linger = syscall.Linger{Onoff: 1, Linger: int32(min(n, 1<<15-1))}
		}
		return s.control("setsockopt", func(fd int) error {
			return syscall.SetsockoptLinger(fd, syscall.SOL_SOCKET, syscall.SO_LINGER, &linger)
		})
	case netdev.SOL_SOCKET<<16 | netdev.SO_KEEPALIVE:
		level, opt = syscall.SOL_SOCKET, syscall.SO_KEEPALIVE
		n, ok = truth(value)
	case netdev.SOL_SOCKET<<16 | netdev.SO_REUSEADDR:
		level, opt = syscall.SOL_SOCKET, syscall.SO_REUSEADDR
		if s.isDatagram() {
			opt = sysReuseDatagrams
		}
		n, ok = truth(value)
	case netdev.SOL_SOCKET<<16 | netdev.SO_BROADCAST:
		level, opt = syscall.SOL_SOCKET, syscall.SO_BROADCAST
		n, ok = truth(value)
	case netdev.SOL_SOCKET<<16 | netdev.SO_SNDBUF:
		level, opt = syscall.SOL_SOCKET, syscall.SO_SNDBUF
		n, ok = value.(int)
	case netdev.SOL_SOCKET<<16 | netdev.SO_RCVBUF:
		level, opt = syscall.SOL_SOCKET, syscall.SO_RCVBUF
		n, ok = value.(int)
	case netdev.SOL_IPV6<<16 | netdev.IPV6_V6ONLY:
		level, opt = syscall.IPPROTO_IPV6, syscall.IPV6_V6ONLY
		n, ok = truth(value)
	case netdev.SOL_TCP<<16 | netdev.TCP_NODELAY:
		level, opt = syscall.IPPROTO_TCP, syscall.TCP_NODELAY
		n, ok = truth(value)
	case netdev.SOL_TCP<<16 | netdev.TCP_KEEPIDLE:
		level, opt = syscall.IPPROTO_TCP, sysTCPKeepIdle
		n, ok = seconds(value)
	case netdev.SOL_TCP<<16 | netdev.TCP_KEEPINTVL:
		level, opt = syscall.IPPROTO_TCP, sysTCPKeepInterval
		n, ok = seconds(value)
	case netdev.SOL_TCP<<16 | netdev.TCP_KEEPCNT:
		level, opt = syscall.IPPROTO_TCP, sysTCPKeepCount
		n, ok = value.(int)
	default:
		return netdev.ErrNotSupported
	}
	if !ok {
		return os.NewSyscallError("setsockopt", syscall.EINVAL)
	}
	return s.setOption(level, opt, n)
}

func (s *socket) setOption(level, opt, n int) error {
	return s.control("setsockopt", func(fd int) error { return syscall.SetsockoptInt(fd, level, opt, n) })
}

func truth(value any) (int, bool) {
	on, ok := value.(bool)
	if on {
		return 1, ok
	}
	return 0, ok
}

// seconds returns a time.Duration or a float64 of seconds as whole seconds,
// rounded up.
func seconds(value any) (int, bool) {
	const most = 1<<31 - 1
	switch v := value.(type) {
	case time.Duration:
		n := v / time.Second
		if v%time.Second > 0 {
			n++
		}
		return int(min(n, most)), true
	case float64:
		if !(v >= 0 && v <= most) {
			return 0, false
		}
		n := int(v)
		if float64(n) < v {
			n++
		}
		return n, true
	}
	return 0, false
}
