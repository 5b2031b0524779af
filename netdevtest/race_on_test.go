//go:build race

package netdevtest

const raceEnabled = true
