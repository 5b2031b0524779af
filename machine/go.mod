module machine

go 1.23
