package nina

import "fmt"

const (
	gpioPins    = 40 // of an ESP32
	adcChannels = 8  // of its first converter
)

// Modes of command 50 (Arduino.h).
const (
	pinInput  = 0
	pinOutput = 1
	pinPullUp = 2
)

type gpioPin struct {
	mode  byte
	level bool // what it drives as an output
	pwm   bool
	duty  byte
}

type inputLevel struct{ driven, level bool }

// PinState is what the host has made of one of the chip's own pins with
// commands 50 to 52.
type PinState struct {
	Output bool
	Level  bool
	PWM    bool
	Duty   uint8 // of 255
}

// PinState returns the state of one of the chip's own pins, 0 to 39. Boards
// have LEDs there: 25, 26 and 27 on the Nano RP2040 Connect.
func (c *Chip) PinState(pin int) (PinState, error) {
	if pin < 0 || pin >= gpioPins {
		return PinState{}, fmt.Errorf("nina: no pin %d: the chip has 0 to %d", pin, gpioPins-1)
	}
	c.lock()
	defer c.unlock()
	if c.fw == nil {
		return PinState{}, nil
	}
	p := c.fw.pins[pin]
	return PinState{Output: p.mode == pinOutput, Level: p.level, PWM: p.pwm, Duty: p.duty}, nil
}

// SetPin drives one of the chip's own pins, 0 to 39, from outside, for
// command 53.
func (c *Chip) SetPin(pin int, level bool) error {
	if pin < 0 || pin >= gpioPins {
		return fmt.Errorf("nina: no pin %d: the chip has 0 to %d", pin, gpioPins-1)
	}
	c.lock()
	defer c.unlock()
	c.inputs[pin] = inputLevel{true, level}
	return nil
}

// SetADC sets what command 54 reads from a channel, 0 to 7; raw is 0 to 4095.
func (c *Chip) SetADC(channel int, raw uint16) error {
	if channel < 0 || channel >= adcChannels || raw > 4095 {
		return fmt.Errorf("nina: no value %d on ADC channel %d: channels are 0 to %d, values 0 to 4095", raw, channel, adcChannels-1)
	}
	c.lock()
	defer c.unlock()
	c.adc[channel] = raw
	return nil
}

// pinAt returns the pin named in the frame. The firmware looks it up in a
// table without a check and writes to what it finds there.
func (f *firmware) pinAt(in input) *gpioPin {
	if int(in[4]) >= gpioPins {
		f.hang("pin %d out of range", in[4])
		return nil
	}
	return &f.pins[in[4]]
}

func pinMode(f *firmware, in input, r *reply) {
	if p := f.pinAt(in); p != nil {
		p.mode, p.pwm = in[6], false
		r.ack()
	}
}

// digitalWrite reaches GPIO0 too, until the next scan.
func digitalWrite(f *firmware, in input, r *reply) {
	if int(in[4]) < gpioPins {
		f.pins[in[4]].level = in[6] != 0
		f.pins[in[4]].pwm = false
		if in[4] == 0 {
			f.c.setGPIO0(in[6] != 0)
		}
	}
	r.ack()
}

func analogWrite(f *firmware, in input, r *reply) {
	if int(in[4]) < gpioPins {
		f.pins[in[4]].pwm, f.pins[in[4]].duty = true, in[6]
	}
	r.ack()
}

// digitalRead reads 0 from an output: its input is off.
func digitalRead(f *firmware, in input, r *reply) {
	level := false
	if int(in[4]) < gpioPins {
		ext := f.c.inputs[in[4]]
		switch f.pins[in[4]].mode {
		case pinInput:
			level = ext.driven && ext.level
		case pinPullUp:
			level = !ext.driven || ext.level
		}
	}
	r.truth(level)
}

// analogReadPin is Adafruit's: a pin, with an attenuation that is of no
// account here, and a number of 4 bytes.
func analogReadPin(f *firmware, in input, r *reply) {
	var v uint16
	for channel, pin := range adcOfPin {
		if pin == in[4] {
			v = f.c.adc[channel]
		}
	}
	r.number32(uint32(v))
}

// adcOfPin has the pins of the ADC's channels (ESP32 data sheet, ADC1).
var adcOfPin = [adcChannels]byte{36, 37, 38, 39, 32, 33, 34, 35}

func analogRead(f *firmware, in input, r *reply) {
	v := uint16(0xffff) // adc1_get_raw says -1
	if in[4] < adcChannels {
		v = f.c.adc[in[4]]
	}
	r.number(v)
}
