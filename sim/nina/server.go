package nina

// tcpServer is a slot's TCP server.
type tcpServer interface {
	// begin returns whether it listens now.
	begin(t *task, port uint16) bool
	// alive is whether the firmware takes this for a server.
	alive() bool
	// accept returns the descriptor of a connection, -1 if none waits.
	accept(t *task) int
	// asked is accept as 2B has it without its accept byte.
	asked(t *task) int
	// pending is what the GPIO0 task looks for.
	pending(t *task) bool
	// write is 44 on the server's slot. It reports false where that is no
	// concern of the server's.
	write(t *task, p []byte) (int, bool)
}

// newServer makes a slot's TCP server.
func (v *variant) newServer() tcpServer {
	if v.networkServer {
		return &networkServer{port: 80, fd: -1, held: -1}
	}
	s := &server{fd: -1, held: -1}
	s.forget()
	return s
}

// listen opens a listener, -1 if that fails. A socket whose port is taken stays
// open with keep.
func (t *task) listener(port uint16, backlog int, reuse, keep bool) int {
	fd := t.socket(sockStream)
	if fd < 0 {
		return -1
	}
	t.sock(fd).reuse = reuse
	if t.bind(fd, port) < 0 || t.listen(fd, backlog) < 0 {
		if !keep {
			t.close(fd)
		}
		return -1
	}
	t.setNonblocking(fd, true)
	return fd
}

// server is nina-fw's WiFiServer.
type server struct {
	port    uint16
	fd      int
	spawned [maxSlots]int // descriptors that the legacy path accepted
	held    int           // by the GPIO0 task for the next accept
	races   int           // counted for Readings.AcceptRaces
}

func (s *server) forget() {
	for i := range s.spawned {
		s.spawned[i] = -1
	}
}

func (s *server) alive() bool { return s.port != 0 && s.fd != -1 }

// begin leaves behind whatever listener there was before.
func (s *server) begin(t *task, port uint16) bool {
	if t.f.v.serverNeverNo { // a new object
		s.port = port
		s.forget()
	}
	s.fd = t.listener(port, 1, false, false)
	if s.fd < 0 {
		return t.f.v.serverNeverNo
	}
	s.port = port
	return true
}

func (s *server) accept(t *task) int {
	if fd := s.held; fd >= 0 {
		s.held = -1
		return fd
	}
	return t.accept(s.fd)
}

// pending accepts a connection and holds it. Old firmware only knows the legacy
// path.
func (s *server) pending(t *task) bool {
	if !t.f.v.noAcceptMode && !s.raced(t) {
		if s.held == -1 {
			s.held = t.accept(s.fd)
		}
		if s.held != -1 {
			return true
		}
	}
	return s.asked(t) != -1
}

// raced makes a connection look as if it had come just after pending has found
// none, so that the legacy path takes it.
func (s *server) raced(t *task) bool {
	if !t.f.c.cfg.Readings.AcceptRaces || s.held != -1 {
		return false
	}
	k := t.f.lwip.get(s.fd)
	if k == nil || k.listener == nil || !k.listener.Pending() {
		return false
	}
	s.races++
	return s.races%4 == 0
}

// asked accepts a connection into the legacy list and returns the first of that
// list that has data, -1 if none has.
func (s *server) asked(t *task) int {
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
func (s *server) write(t *task, p []byte) (int, bool) {
	n := 0
	for _, fd := range s.spawned {
		if fd != -1 {
			c := client{fd}
			n += c.write(t, p)
		}
	}
	return n, true
}

// end is what Arduino's 3.x has for 38.
func (s *server) end(t *task) {
	for _, fd := range []int{s.held, s.fd} {
		if fd >= 0 {
			t.close(fd)
		}
	}
	s.held, s.fd = -1, -1
}

// networkServer is arduino-esp32's NetworkServer, of Adafruit's 3.3 (libraries/
// Network, NetworkServer.cpp). Once it listens it does so for good.
type networkServer struct {
	port      uint16
	fd, held  int
	listening bool
}

const networkServerBacklog = 4

func (s *networkServer) begin(t *task, port uint16) bool {
	if s.listening {
		return true
	}
	if port != 0 {
		s.port = port
	}
	s.fd = t.listener(s.port, networkServerBacklog, true, true)
	s.listening = s.fd >= 0
	return s.listening
}

func (s *networkServer) alive() bool { return s.listening }

func (s *networkServer) accept(t *task) int {
	if fd := s.held; fd >= 0 {
		s.held = -1
		return fd
	}
	return t.accept(s.fd)
}

func (s *networkServer) asked(t *task) int { return s.accept(t) }

func (s *networkServer) pending(t *task) bool {
	if s.held < 0 {
		s.held = t.accept(s.fd)
	}
	return s.held >= 0
}

func (s *networkServer) write(*task, []byte) (int, bool) { return 0, false }
