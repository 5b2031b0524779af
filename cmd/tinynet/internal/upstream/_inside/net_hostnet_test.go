package net

import hostnet "net/internal"

// insideBelow returns the system's device, and whether what is around it has no
// more than the plainest of devices.
func insideBelow() (host *hostnet.Device, plain bool) { return tinynetDevice.(*hostnet.Device), false }
