module tinynet/cmd/tinynet

go 1.25

require (
	github.com/creack/pty v1.1.24
	go.bug.st/serial v1.6.4
	golang.org/x/mod v0.32.0
	golang.org/x/sys v0.41.0
	golang.org/x/term v0.40.0
)

require github.com/creack/goselect v0.1.2 // indirect
