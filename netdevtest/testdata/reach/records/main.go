// Command records asks DNS servers: see reach_test.go.
package main

import "tinynet/src/net"

func main() {
	all, err := net.LookupMX("example.com")
	println(len(all), err)
}
