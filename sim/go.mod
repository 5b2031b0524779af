module tinynet/sim

go 1.25

require golang.org/x/net v0.50.0
