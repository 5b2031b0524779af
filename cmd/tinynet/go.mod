module tinynet/cmd/tinynet

go 1.25

require golang.org/x/mod v0.32.0
