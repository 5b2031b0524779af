//go:build tinygo

package net

import "os"

func fileConn(f *os.File) (Conn, error)             { return nil, errNoDescriptor }
func fileListener(f *os.File) (Listener, error)     { return nil, errNoDescriptor }
func filePacketConn(f *os.File) (PacketConn, error) { return nil, errNoDescriptor }
