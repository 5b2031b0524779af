module tinynet

go 1.23
