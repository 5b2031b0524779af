//go:build !linux || tinygo

package net

// The system's interfaces are not looked for.

func systemInterfaces() (all []Interface, ok bool, err error) { return nil, false, nil }
func systemAddrs(index int) (all []Addr, ok bool, err error)  { return nil, false, nil }
func systemGroups(name string) (groups []Addr, ok bool)       { return nil, false }
