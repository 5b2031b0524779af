package main

import "example.com/emulated/count"

// main makes requests until count has enough of them. example is the example's
// main.
func main() {
	for {
		example()
		count.Stack("main")
		count.Request()
	}
}
