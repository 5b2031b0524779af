module tinynet/netdevtest

go 1.25
