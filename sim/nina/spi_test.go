package nina

import (
	"bytes"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"tinynet/sim/clock"
)

const (
	askVersion = "E0 37 00 EE"
	isVersion  = "E0 B7 01 06 32 2E 30 2E 30 00 EE 00"
)

func TestReadyStaysLowUntilCSFalls(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		for range 3 {
			r.is("READY", r.c.Ready().Get(), false)
			time.Sleep(time.Hour)
		}
		r.c.CS().Low()
		r.is("READY after CS fell", r.c.Ready().Get(), true)
		time.Sleep(time.Hour)
		r.is("READY while CS is low", r.c.Ready().Get(), true)
	})
}

// 280 µs beside the bytes: 200 until the reply can be fetched, 80 until the
// next command is taken.
func TestExchangeTakes280Microseconds(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.c.CS().Low()
		start := time.Now()
		r.c.SPI().Tx(unhex(askVersion), nil)
		r.is("time of 4 bytes", time.Since(start), 4*time.Microsecond)
		r.c.CS().High()
		time.Sleep(198 * time.Microsecond)
		r.is("READY after 199 µs", r.c.Ready().Get(), true)
		r.is("READY after 200 µs", r.c.Ready().Get(), false)
		r.c.CS().Low()
		in := make([]byte, 12)
		start = time.Now()
		r.c.SPI().Tx(nil, in)
		r.is("time of 12 bytes", time.Since(start), 12*time.Microsecond)
		r.is("reply", bytes.Equal(in, unhex(isVersion)), true)
		r.c.CS().High()
		time.Sleep(78 * time.Microsecond)
		r.is("READY after 79 µs", r.c.Ready().Get(), true)
		r.is("READY after 80 µs", r.c.Ready().Get(), false)
		l := r.c.Ledger()
		r.is("exchanges", l.Exchanges, 1)
		r.is("version commands", l.Commands[0x37], 1)
		r.is("bytes out and in", []int{l.BytesOut, l.BytesIn}, []int{4, 12})
		r.is("wire time", l.Wire, 16*time.Microsecond)
		r.is("handshake time", l.Handshake, 280*time.Microsecond)
	})
}

func TestPinReadPassesAMicrosecond(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		start := time.Now()
		r.c.GPIO0().Get()
		r.is("time", time.Since(start), time.Microsecond)
		r.is("ledger", r.c.Ledger().Pins, time.Microsecond)
	})
}

func TestFreeClockCostsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Config{Clock: clock.Free()})
		start := time.Now()
		r.x(askVersion, isVersion)
		r.x("E0 10 01 04 68 6F 6D 65 EE FF FF FF", "E0 90 01 01 01 EE 00 00")
		synctest.Wait()
		r.x("E0 20 00 EE", "E0 A0 01 01 03 EE 00 00")
		r.st.open[addr("10.0.0.9:80")] = true
		r.command(build(0x2d, b(10, 0, 0, 9), b(0, 80), b(0), b(0)))
		synctest.Wait()
		r.is("connected", r.answer()[0], 1)
		r.st.conns[0].send("hi")
		synctest.Wait()
		r.is("GPIO0", r.gpio0(), true)
		r.is("time passed", time.Since(start), time.Duration(0))
	})
}

func TestEmptyPulseInCommandPhaseIsIgnored(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		for range 3 {
			r.await(false)
			r.c.CS().Low()
			r.c.CS().High()
			r.is("READY right after the pulse", r.c.Ready().Get(), true)
		}
		r.x(askVersion, isVersion)
		r.is("exchanges", r.c.Ledger().Exchanges, 1)
	})
}

func TestEmptyPulseInReplyPhaseLosesTheReply(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.command(unhex(askVersion))
		r.fetch(0)
		r.x("E0 20 00 EE", "E0 A0 01 01 00 EE 00 00")
	})
	run(t, Config{Readings: Readings{EmptyPulseKeepsReply: true}}, func(r *rig) {
		r.command(unhex(askVersion))
		r.fetch(0)
		r.is("reply", bytes.Equal(r.fetch(12), unhex(isVersion)), true)
	})
}

// A host that gives up between the halves reads the old reply next, and what
// it sends then is lost.
func TestStaleReplyAfterTheHostGaveUp(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.command(unhex(askVersion))
		r.await(false)
		r.c.CS().Low()
		in := make([]byte, 12)
		r.c.SPI().Tx([]byte{0xe0, 0x3f, 0, 0xee, 0, 0, 0, 0, 0, 0, 0, 0}, in)
		r.c.CS().High()
		r.is("what was read", bytes.Equal(in, unhex(isVersion)), true)
		r.is("3F seen", r.c.Ledger().Commands[0x3f], 0)
		r.x("E0 20 00 EE", "E0 A0 01 01 00 EE 00 00")
	})
}

func TestReplyIsLostAfterOneByte(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.command(unhex(askVersion))
		r.is("first byte", r.fetch(1)[0], 0xe0)
		r.x("E0 20 00 EE", "E0 A0 01 01 00 EE 00 00")
	})
}

func TestTruncatedFrameReadsAsZeros(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.join()
		r.x("E0 2B 01 01", "E0 AB 01 02 00 00 EE 00") // slot 0, no accept byte, no end
		r.peer(0)
		// Room for 8 bytes is asked for, 2 arrive.
		r.x("E0 44 02 00 01 00 00 08 68 69 EE FF", "E0 C4 01 02 08 00 EE 00")
		r.is("sent", r.st.conns[0].got(), "hi\xee\xff\x00\x00\x00\x00")
	})
}

// The bytes after the last whole word do not arrive (inferred).
func TestTailOfAnUnalignedFrameIsLost(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.is("slot of a truncated 28", r.listen(1, 80, 0), 1)
		r.x("E0 29 01 01 01", "E0 A9 01 01 00 EE 00 00") // slot 0 instead of 1
	})
	run(t, Config{Readings: Readings{TailKept: true}}, func(r *rig) {
		r.is("slot of a truncated 28", r.listen(1, 80, 0), 1)
		r.x("E0 29 01 01 01", "E0 A9 01 01 01 EE 00 00")
	})
}

func TestBytesPast4092AreDropped(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		frame := make([]byte, 5000)
		copy(frame, unhex(askVersion))
		for i := 4092; i < len(frame); i++ {
			frame[i] = 0xff
		}
		r.command(frame)
		r.is("reply", bytes.Equal(r.fetch(12), unhex(isVersion)), true)
		r.x("E0 20 00 EE", "E0 A0 01 01 00 EE 00 00")
	})
}

func TestBytesPastTheReplyAreNoise(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.command(unhex(askVersion))
		in := r.fetch(44)
		r.is("reply", bytes.Equal(in[:12], unhex(isVersion)), true)
		r.is("all zeros after it", bytes.Equal(in[12:], make([]byte, 32)), false)
	})
}

func TestBytesWithoutCSAreLost(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.c.SPI().Tx(unhex("E0 38 00 EE"), nil)
		r.x(askVersion, isVersion)
		r.is("lost bytes", r.c.Ledger().BytesLost, 4)
	})
}

func TestCSFallingOnABusyChipBeginsNothing(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.command(unhex(askVersion))
		r.c.CS().Low()
		r.c.SPI().Tx(make([]byte, 12), nil)
		r.c.CS().High()
		r.is("reply", bytes.Equal(r.fetch(12), unhex(isVersion)), true)
	})
}

func TestErrorReplies(t *testing.T) {
	for name, frame := range map[string]string{
		"no start byte":          "EF 37 00 EE",
		"reply flag set":         "E0 B7 00 EE",
		"no handler":             "E0 00 00 EE",
		"stop server, 38":        "E0 38 01 01 01 EE FF FF",
		"not even a whole word":  "E0 37",
		"apply OTA, 65":          "E0 65 00 EE",
		"frame of a single word": "00 00 00 00",
	} {
		t.Run(name, func(t *testing.T) {
			run(t, Config{}, func(r *rig) {
				r.x(frame, "EF 00 EE 00")
				r.x(askVersion, isVersion)
				r.is("error replies", r.c.Ledger().ErrorReplies, 1)
			})
		})
	}
}

func TestExtraParametersAreIgnored(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.x("E0 37 02 01 00 01 00 EE", isVersion)
	})
}

func TestTxWantsSlicesOfOneLength(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		err := r.c.SPI().Tx(make([]byte, 2), make([]byte, 3))
		r.is("ErrLength", errors.Is(err, ErrLength), true)
	})
}

func TestTransferMovesSingleBytes(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.c.CS().Low()
		for _, v := range unhex(askVersion) {
			r.c.SPI().Transfer(v)
		}
		r.c.CS().High()
		r.await(false)
		r.c.CS().Low()
		for _, want := range unhex(isVersion) {
			got, err := r.c.SPI().Transfer(0xff)
			r.is("error", err, nil)
			r.is("byte", got, want)
		}
	})
}

// boot

func TestBootTakes750Milliseconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Config{})
		seen := map[bool]bool{}
		for range 100 {
			seen[r.c.Ready().Get()] = true
		}
		r.is("levels of READY while it is undriven", len(seen), 2)
		r.c.CS().Low() // too early: lost
		r.c.SPI().Tx(unhex("E0 3F 00 EE"), nil)
		r.c.CS().High()
		time.Sleep(750 * time.Millisecond)
		r.is("READY", r.c.Ready().Get(), false)
		r.x(askVersion, isVersion)
		r.is("3F seen", r.c.Ledger().Commands[0x3f], 0)
	})
}

func TestCSLowAtBootSelectsBluetooth(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.c.Reset().Low()
		r.c.CS().Low()
		r.c.Reset().High()
		time.Sleep(time.Second)
		r.c.CS().High()
		for range 100 {
			r.is("READY", r.c.Ready().Get(), true)
		}
		r.is("traced", r.traced("Bluetooth"), true)
		r.restart()
		r.x(askVersion, isVersion)
	})
}

func TestGPIO0LowAtResetEntersTheDownloader(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.c.GPIO0().Low()
		r.c.GPIO0().Output()
		r.c.Reset().Low()
		r.c.Reset().High()
		time.Sleep(time.Second)
		for range 100 {
			r.is("READY", r.c.Ready().Get(), true)
		}
		r.is("traced", r.traced("downloader"), true)
		r.restart()
		r.x(askVersion, isVersion)
	})
}

func TestResetInverted(t *testing.T) {
	run(t, Config{ResetInverted: true}, func(r *rig) {
		r.x(askVersion, isVersion)
		r.c.Reset().High()
		r.command2(t)
		r.c.Reset().Low()
		time.Sleep(750 * time.Millisecond)
		r.x(askVersion, isVersion)
		r.c.Reset().High()
		r.c.Reset().Input() // the board's resistor lets go of reset
		time.Sleep(750 * time.Millisecond)
		r.x(askVersion, isVersion)
		r.is("resets", r.c.Ledger().Resets, 3)
	})
}

// command2 sends a command that a chip in reset does not see.
func (r *rig) command2(t *testing.T) {
	t.Helper()
	before := r.c.Ledger().Commands[0x3f]
	r.c.CS().Low()
	r.c.SPI().Tx(unhex("E0 3F 00 EE"), nil)
	r.c.CS().High()
	r.is("3F seen in reset", r.c.Ledger().Commands[0x3f]-before, 0)
}

func TestResetForgetsEverything(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.join()
		r.peer(0)
		r.listen(1, 80, 0)
		old := r.st
		r.restart()
		r.is("station closed", old.closed, true)
		r.is("status", r.status(), 0)
		r.is("free slot", r.socket(), 0)
		r.join()
		r.is("a new station", r.st != old, true)
		r.is("listen on the same port", r.listen(0, 80, 0), 1)
		r.is("links", r.links, "[joining home joined home left home joining home joined home]")
	})
}

func TestResetEndsABlockedCommand(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.join()
		r.st.silent[addr("10.0.0.9:80")] = true
		r.command(build(0x2d, b(10, 0, 0, 9), b(0, 80), b(0), b(0)))
		time.Sleep(5 * time.Second)
		r.is("READY", r.c.Ready().Get(), true)
		r.restart()
		r.x(askVersion, isVersion)
	})
}

func TestSlotOutOfRangeHangsTheChip(t *testing.T) {
	for _, frame := range []string{
		"E0 2E 01 01 11 EE FF FF", "E0 2F 01 01 0A EE FF FF", "E0 29 01 01 FF EE FF FF",
		"E0 2B 02 01 11 01 01 EE", "E0 2C 02 01 11 01 00 EE", "E0 3A 01 01 11 EE FF FF", "E0 39 01 01 11 EE FF FF",
		"E0 28 03 02 00 50 01 11 01 00 EE FF", "E0 2D 04 04 0A 00 00 05 02 13 88 01 11 01 01 EE",
		"E0 44 02 00 01 11 00 02 68 69 EE FF", "E0 45 02 00 01 11 00 02 00 04 EE FF", "E0 46 02 00 01 11 00 01 61 EE FF FF",
	} {
		t.Run(frame[3:5], func(t *testing.T) {
			run(t, Config{}, func(r *rig) {
				r.command(unhex(frame))
				r.hung("slot ")
				r.is("hangs", r.c.Ledger().Hangs, 1)
				r.is("command traced", r.traced("none, the chip hangs"), true)
			})
		})
	}
}

func TestLengthsThatOverrunHangTheChip(t *testing.T) {
	for note, frame := range map[string][]byte{
		"SSID of 34 bytes":       build(0x10, make([]byte, 34)),
		"passphrase of 66 bytes": build(0x11, []byte("home"), make([]byte, 66)),
		"WEP key of 28 bytes":    build(0x12, []byte("home"), b(0), make([]byte, 28)),
		"user name of 130 bytes": build(0x40, b(0), []byte("home"), make([]byte, 130)),
		"65535 bytes of data":    unhex("E0 44 02 00 01 00 FF FF 68 69 EE FF"),
		"1501 bytes overrun":     build(0x46, b(0), make([]byte, 1501)),
		"pin 40 out of range":    build(0x50, b(40), b(1)),
	} {
		t.Run(note, func(t *testing.T) {
			run(t, Config{}, func(r *rig) {
				r.command(frame)
				r.hung(note)
			})
		})
	}
}

func TestNotifyIsThePinInterrupt(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		var edges []bool
		r.c.Ready().Notify(func(level bool) { edges = append(edges, level) })
		r.x(askVersion, isVersion)
		time.Sleep(time.Millisecond)
		synctest.Wait()
		r.is("edges of READY", edges, []bool{true, false, true, false})
	})
}

func TestCloseEndsACommandUnderWay(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.join()
		r.st.silent[addr("10.0.0.9:80")] = true
		r.command(build(0x2d, b(10, 0, 0, 9), b(0, 80), b(0), b(0)))
		r.c.Close()
		r.is("READY", r.c.Ready().Get(), true)
	})
}
