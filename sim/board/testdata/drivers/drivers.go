// Package drivers imports the Wi-Fi drivers of tinygo.org/x/drivers, which must
// compile on the host's package machine. It is a module of its own so that
// nothing else depends on theirs.
package drivers

import _ "tinygo.org/x/drivers/netlink/probe"
