module tinynet/examples

go 1.23
