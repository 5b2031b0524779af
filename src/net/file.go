package net

import "os"

// fileAddr is the name of a file as an Addr.
type fileAddr string

func (fileAddr) Network() string  { return "file+net" }
func (a fileAddr) String() string { return string(a) }

func fileError(f *os.File, err error) error {
	return &OpError{Op: "file", Net: "file+net", Addr: fileAddr(f.Name()), Err: err}
}

// FileConn returns a connection on a duplicate of the file's descriptor, which
// must be a socket; closing one does not affect the other. Where the device's
// sockets are no files it fails with errors.ErrUnsupported.
func FileConn(f *os.File) (c Conn, err error) {
	if c, err = fileConn(f); err != nil {
		return nil, fileError(f, err)
	}
	return c, nil
}

// FileListener returns a listener on a duplicate of the file's descriptor, as
// FileConn does.
func FileListener(f *os.File) (ln Listener, err error) {
	if ln, err = fileListener(f); err != nil {
		return nil, fileError(f, err)
	}
	return ln, nil
}

// FilePacketConn returns a datagram socket on a duplicate of the file's
// descriptor, as FileConn does.
func FilePacketConn(f *os.File) (c PacketConn, err error) {
	if c, err = filePacketConn(f); err != nil {
		return nil, fileError(f, err)
	}
	return c, nil
}
