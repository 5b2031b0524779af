package nina

// server is the firmware's WiFiServer.
type server struct {
	port     uint16
	fd       int
	spawned  [maxSlots]int // descriptors that the legacy path accepted
	accepted int           // held by the GPIO0 task for the next accept
}

func (s *server) init() {
	s.fd, s.accepted = -1, -1
	for i := range s.spawned {
		s.spawned[i] = -1
	}
}

// alive is whether the firmware takes this for a server.
func (s *server) alive() bool { return s.port != 0 && s.fd != -1 }

// begin leaves behind whatever listener there was before.
func (s *server) begin(t *task, port uint16) bool {
	s.fd = t.socket(sockStream)
	if s.fd < 0 {
		return false
	}
	if t.bind(s.fd, port) < 0 || t.listen(s.fd, 1) < 0 {
		t.close(s.fd)
		s.fd = -1
		return false
	}
	t.setNonblocking(s.fd, true)
	s.port = port
	return true
}

// accept returns the descriptor of a connection, -1 if none waits.
func (s *server) accept(t *task) int {
	if fd := s.accepted; fd >= 0 {
		s.accepted = -1
		return fd
	}
	return t.accept(s.fd)
}

// hasClient accepts a connection and holds it.
func (s *server) hasClient(t *task) bool {
	if s.accepted == -1 {
		s.accepted = t.accept(s.fd)
	}
	return s.accepted != -1
}

// available accepts a connection into the legacy list and returns the first of
// that list that has data, -1 if none has.
func (s *server) available(t *task) int {
	if fd := s.accept(t); fd != -1 {
		for i := range s.spawned {
			if s.spawned[i] == -1 {
				s.spawned[i] = fd
				break
			}
		}
	}
	for i := range s.spawned {
		if s.spawned[i] == -1 {
			continue
		}
		c := client{s.spawned[i]}
		if !c.connected(t) {
			s.spawned[i] = -1
		} else if c.available(t) > 0 {
			return s.spawned[i]
		}
	}
	return -1
}

// write sends to every connection of the legacy list.
func (s *server) write(t *task, p []byte) int {
	n := 0
	for _, fd := range s.spawned {
		if fd != -1 {
			c := client{fd}
			n += c.write(t, p)
		}
	}
	return n
}
