module tinynet/sim

go 1.25
