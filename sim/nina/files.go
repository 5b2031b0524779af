package nina

import "strings"

// Commands 60 to 67: the file system in flash, which outlives resets (nina-fw
// 2.0.0 CommandHandler.cpp). Nothing is downloaded here.

const (
	fsRoot     = "/fs/" // where it is mounted
	fileBuffer = 32 + 1
	pathBuffer = 64 + 1
	otaBuffer  = 128 + 1

	eNOENT = 2

	otaBadLength = 2 // of command 67: what came is not as long as its header says
)

// fileParams reads what 60 to 63 begin with: two numbers and a name. end is the
// place behind them.
func (f *firmware) fileParams(in input) (offset, size uint32, name string, end int, ok bool) {
	at := 3
	var numbers [2]uint32
	for i := range numbers {
		n := int(in[at])
		if n > 4 {
			f.hang("a number of %d bytes overruns a size_t", n)
			return 0, 0, "", 0, false
		}
		for j := range n {
			numbers[i] |= uint32(in[at+1+j]) << (8 * j)
		}
		at += 1 + n
	}
	name, n, ok := f.cText(in, at, fileBuffer, "file name")
	return numbers[0], numbers[1], name, at + 1 + n, ok
}

// noFile is what -1 as a reply's length does.
func (f *firmware) noFile(name string) {
	f.hang("file %q cannot be opened: the reply has a length of -1", name)
}

// writeFile appends, wherever it is told to write. The reply is as long as what
// was written, and that is all that is in it.
func writeFile(f *firmware, in input, r *reply) {
	_, size, name, at, ok := f.fileParams(in)
	if !ok {
		return
	}
	if !strings.HasPrefix(name, fsRoot) || name == fsRoot {
		f.noFile(name)
		return
	}
	at++ // a length, which nobody looks at
	if at+int(size) > len(in) {
		f.hang("%d bytes to write reach past the frame", size)
		return
	}
	f.c.files[name] = append(f.c.files[name], in.text(at, int(size))...)
	if size == 0 {
		r.fail()
		return
	}
	r.raw(int(size))
}

// readFile answers with zeros behind the file's end.
func readFile(f *firmware, in input, r *reply) {
	offset, size, name, _, ok := f.fileParams(in)
	if !ok {
		return
	}
	data, ok := f.c.files[name]
	switch {
	case !ok:
		f.noFile(name)
		return
	case size > frameMax-5:
		f.hang("%d bytes of a file overrun the reply", size)
		return
	}
	r.buf[2], r.buf[3] = 1, byte(size)
	if int64(offset) < int64(len(data)) {
		copy(r.buf[4:4+size], data[offset:])
	}
	r.raw(int(size) + 5)
}

// deleteFile never says that it did.
func deleteFile(f *firmware, in input, r *reply) {
	_, _, name, _, ok := f.fileParams(in)
	if ok {
		delete(f.c.files, name)
		r.fail()
	}
}

// existsFile answers with the size, and one byte too many before the end.
func existsFile(f *firmware, in input, r *reply) {
	_, _, name, _, ok := f.fileParams(in)
	if !ok {
		return
	}
	size := ^uint32(0)
	if data, ok := f.c.files[name]; ok {
		size = uint32(len(data))
	}
	r.number32(size)
	r.raw(10)
}

// downloadFile empties the file; nothing is fetched.
func downloadFile(f *firmware, in input, r *reply) {
	_, n, ok := f.cText(in, 3, pathBuffer, "URL")
	if !ok {
		return
	}
	name, _, ok := f.cText(in, 4+n, pathBuffer-len(fsRoot), "file name")
	if !ok {
		return
	}
	f.c.files[fsRoot+name] = nil
	f.c.note("downloads are not simulated: " + fsRoot + name + " is empty")
	r.fail()
}

func renameFile(f *firmware, in input, r *reply) {
	from, n, ok := f.cText(in, 3, pathBuffer, "file name")
	if !ok {
		return
	}
	to, _, ok := f.cText(in, 4+n, pathBuffer, "file name")
	if !ok {
		return
	}
	data, ok := f.c.files[from]
	if !ok || !strings.HasPrefix(to, fsRoot) {
		r.param(eNOENT)
		return
	}
	delete(f.c.files, from)
	f.c.files[to] = data
	r.param(0)
}

func downloadOTA(f *firmware, in input, r *reply) {
	if _, _, ok := f.cText(in, 3, otaBuffer, "URL"); ok {
		f.c.note("downloads are not simulated: nothing came")
		r.param(otaBadLength)
	}
}
