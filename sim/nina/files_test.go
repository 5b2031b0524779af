package nina

import (
	"strings"
	"testing"
)

// file builds the frame of 60 to 63: offset, length, name.
func file(command byte, offset, size uint32, name string) []byte {
	f := []byte{0xe0, command, 3, 4, byte(offset), byte(offset >> 8), byte(offset >> 16), byte(offset >> 24),
		4, byte(size), byte(size >> 8), byte(size >> 16), byte(size >> 24), byte(len(name))}
	return append(f, name...)
}

// write is 60 with its zero length byte and raw data.
func (r *rig) write(name, data string) {
	r.Helper()
	f := append(append(file(0x60, 0, uint32(len(data)), name), 0), data...)
	r.command(pad(append(f, 0xee)))
}

func pad(f []byte) []byte {
	for len(f)%4 != 0 {
		f = append(f, 0xff)
	}
	return f
}

func (r *rig) file(command byte, offset, size uint32, name string) []byte {
	r.Helper()
	r.command(pad(append(file(command, offset, size, name), 0xee)))
	r.await(false)
	return r.fetch(r.pending())
}

func TestFiles(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		// The size comes with EE one byte late.
		r.is("missing", r.file(0x63, 0, 0, "/fs/a"), unhex("E0 E3 01 04 FF FF FF FF 00 EE 00 00"))
		// The reply is as long as what was written, and has no parameters.
		r.write("/fs/a", "hello, world")
		r.await(false)
		r.is("reply", r.fetch(r.pending()), unhex("E0 E0 00 00 00 00 00 00 00 00 00 EE"))
		r.is("size", r.file(0x63, 0, 0, "/fs/a"), unhex("E0 E3 01 04 0C 00 00 00 00 EE 00 00"))
		r.is("read", string(r.file(0x61, 7, 5, "/fs/a")), "\xe0\xe1\x01\x05world\xee\x00\x00")
		r.is("read past the end", string(r.file(0x61, 10, 4, "/fs/a")), "\xe0\xe1\x01\x04ld\x00\x00\xee\x00\x00\x00")

		// A write appends, whatever its offset.
		r.write("/fs/a", "!")
		r.await(false)
		r.is("reply of one byte", r.fetch(r.pending()), unhex("EE E0 00 00"))
		r.is("size", r.file(0x63, 0, 0, "/fs/a")[4], 13)

		// Files outlive a reset.
		r.restart()
		r.is("size", r.file(0x63, 0, 0, "/fs/a")[4], 13)
		r.is("rename", r.ask(0x66, []byte("/fs/a"), []byte("/fs/b")), []byte{0})
		r.is("rename a missing one", r.ask(0x66, []byte("/fs/a"), []byte("/fs/c")), []byte{2})
		// Deleting is an error reply, also if it worked.
		r.is("delete", r.file(0x62, 0, 0, "/fs/b"), unhex("EF 00 EE 00"))
		r.is("gone", r.file(0x63, 0, 0, "/fs/b")[4], 255)
		r.is("delete again", r.file(0x62, 0, 0, "/fs/b"), unhex("EF 00 EE 00"))
	})
}

// What cannot be opened has a reply of length -1.
func TestFilesThatCannotBeOpenedHang(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.command(pad(append(file(0x61, 0, 4, "/fs/none"), 0xee)))
		r.hung(`file "/fs/none" cannot be opened`)
		r.write("elsewhere", "x")
		r.hung(`file "elsewhere" cannot be opened`)
		r.command(pad(append(file(0x63, 0, 0, strings.Repeat("x", 34)), 0xee)))
		r.hung("file name of 34 bytes overruns a buffer of 33")
	})
}

// Downloads do not happen here: 64 answers with an error as ever, 67 that what
// came is too short.
func TestDownloadsAreNotSimulated(t *testing.T) {
	run(t, Config{}, func(r *rig) {
		r.command(build(0x64, []byte("http://host/x"), []byte("x")))
		r.await(false)
		r.is("64", r.fetch(r.pending()), unhex("EF 00 EE 00"))
		r.is("file", r.file(0x63, 0, 0, "/fs/x")[4], 0)
		r.is("67", r.ask(0x67, []byte("http://host/x")), []byte{2})
		r.is("noted", r.traced("downloads are not simulated"), true)
	})
}
