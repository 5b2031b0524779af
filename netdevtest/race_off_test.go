//go:build !race

package netdevtest

const raceEnabled = false
