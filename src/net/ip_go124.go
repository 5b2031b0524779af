//go:build go1.24

package net

// AppendText appends the address in text, as String has it, to b; an empty ip
// appends nothing. The error is an AddrError if ip has the wrong length.
func (ip IP) AppendText(b []byte) ([]byte, error) {
	return ip.appendText(b)
}
