package net

import "os"

// fileAddr is the name of a file as an Addr.
type fileAddr string

func (fileAddr) Network() string  { return "file+net" }
func (a fileAddr) String() string { return string(a) }

func noFile(f *os.File) error {
	return &OpError{Op: "file", Net: "file+net", Addr: fileAddr(f.Name()), Err: errNoDescriptor}
}

// FileConn fails with errors.ErrUnsupported: connections here are no files.
func FileConn(f *os.File) (c Conn, err error) { return nil, noFile(f) }

// FileListener fails with errors.ErrUnsupported: listeners here are no files.
func FileListener(f *os.File) (ln Listener, err error) { return nil, noFile(f) }

// FilePacketConn fails with errors.ErrUnsupported: sockets here are no files.
func FilePacketConn(f *os.File) (c PacketConn, err error) { return nil, noFile(f) }
