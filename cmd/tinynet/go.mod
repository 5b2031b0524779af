module tinynet/cmd/tinynet

go 1.25
