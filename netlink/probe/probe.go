// Package probe finds the network device of the board that a program is built
// for. Probe has the signature of tinygo.org/x/drivers/netlink/probe.
//
// The board is known by TinyGo's build tag for it, which 'tinygo -target' and
// 'tinynet run -board' set.
package probe

import "errors"

// ErrNoBoard is what every method of Probe's device returns in a build for no
// board, or for one whose network chip is not known.
var ErrNoBoard = errors.New("this build has no board with a network: use 'tinynet run', or build with -target or -tags of a board that 'tinynet boards' lists")
