package nina

import "testing"

func TestCounts(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		is := func(what string, sockets, slots int) {
			t.Helper()
			if s, n := r.c.OpenSockets(), r.c.TakenSlots(); s != sockets || n != slots {
				t.Errorf("%s: %d sockets and %d slots, want %d and %d", what, s, n, sockets, slots)
			}
		}
		r.join()
		is("at first", 0, 0)
		fd := r.bsd(1)
		is("with a BSD-like socket", 1, 0)
		r.x("E0 28 03 02 00 50 01 01 01 00 EE FF", "E0 A8 01 01 01 EE 00 00")
		is("and a server", 2, 1)
		r.x("E0 2E 01 01 01 EE FF FF", "E0 AE 01 01 01 EE 00 00")
		is("which leaks when its slot is stopped", 2, 0)
		r.ask(0x71, fd)
		is("at the end", 1, 0)
	})
}
