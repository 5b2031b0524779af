module tinynet/netdevtest

go 1.25

require (
	golang.org/x/net v0.50.0
	golang.org/x/tools v0.40.0
)

require (
	golang.org/x/mod v0.32.0 // indirect
	golang.org/x/sync v0.19.0 // indirect
)
