// Command printing does what the others must not: see reach_test.go.
package main

import "fmt"

func main() { fmt.Println(1.5) }
