package nina

import "testing"

func TestPins(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		// TinyGo's driver says 1 parameter and sends 2.
		r.x("E0 50 01 01 19 01 01 EE", "E0 D0 01 01 01 EE 00 00")
		r.x("E0 51 02 01 19 01 01 EE", "E0 D1 01 01 01 EE 00 00")
		s, err := r.c.PinState(25)
		r.is("pin 25", s, PinState{Output: true, Level: true})
		r.is("error", err, nil)
		r.is("an output reads 0", r.ask(0x53, b(25))[0], 0)
		r.ask(0x52, b(26), b(128))
		s, _ = r.c.PinState(26)
		r.is("pin 26", s, PinState{PWM: true, Duty: 128})
		r.is("floating input", r.ask(0x53, b(27))[0], 0)
		r.ask(0x50, b(27), b(2))
		r.is("pulled up", r.ask(0x53, b(27))[0], 1)
		r.is("error", r.c.SetPin(27, false), nil)
		r.is("driven low", r.ask(0x53, b(27))[0], 0)
		r.is("error", r.c.SetADC(3, 0x123), nil)
		r.x("E0 54 01 01 03 EE FF FF", "E0 D4 01 02 23 01 EE 00")
		r.x("E0 54 01 01 09 EE FF FF", "E0 D4 01 02 FF FF EE 00")
		_, err = r.c.PinState(40)
		r.is("no such pin", err != nil && r.c.SetPin(-1, true) != nil && r.c.SetADC(8, 0) != nil && r.c.SetADC(0, 4096) != nil, true)
	})
}
