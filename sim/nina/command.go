package nina

import "time"

// command is an entry of the firmware's table of handlers.
type command struct {
	name string
	run  func(f *firmware, in input, r *reply)
	// blocks tells that the handler may take time for what is asked. Such a
	// command gets a goroutine; the others are done when CS has risen.
	blocks func(f *firmware, in input) bool
}

func always(*firmware, input) bool { return true }

// notThere is a handler that does nothing: the reply is the error reply.
func notThere(_ *firmware, _ input, r *reply) { r.fail() }

// commands is the table of CommandHandler.cpp of Arduino's 2.0.0.
var commands = [128]command{
	0x10: {"set network", setNet, nil},
	0x11: {"set passphrase", setPassphrase, nil},
	0x12: {"set WEP key", setKey, nil},
	0x14: {"set IP config", setIPConfig, nil},
	0x15: {"set DNS", setDNS, nil},
	0x16: {"set hostname", setHostname, nil},
	0x17: {"set power mode", setPowerMode, nil},
	0x18: {"open access point", setAPNet, always},
	0x19: {"open access point with passphrase", setAPPassphrase, always},
	0x1a: {"set debug", setDebug, nil},
	0x1b: {"get temperature", getTemperature, nil},
	0x1e: {"get DNS", getDNS, nil},
	0x1f: {"get reason", getReason, nil},
	0x20: {"get status", getStatus, nil},
	0x21: {"get IP", getIP, nil},
	0x22: {"get MAC", getMAC, nil},
	0x23: {"get SSID", getSSID, nil},
	0x24: {"get BSSID", getBSSID, nil},
	0x25: {"get RSSI", getRSSI, nil},
	0x26: {"get encryption", getEncryption, nil},
	0x27: {"scan networks", scanNetworks, always},
	0x28: {"start server", startServer, nil},
	0x29: {"server state", serverState, nil},
	0x2a: {"data sent", dataSent, nil},
	0x2b: {"available", available, nil},
	0x2c: {"get byte", getByte, nil},
	0x2d: {"start client", startClient, startClientBlocks},
	0x2e: {"stop client", stopClient, nil},
	0x2f: {"client state", clientState, nil},
	0x30: {"disconnect", disconnect, nil},
	0x32: {"get RSSI of", getRSSIOf, nil},
	0x33: {"get encryption of", getEncryptionOf, nil},
	0x34: {"resolve host", resolveHost, always},
	0x35: {"get resolved", getResolved, nil},
	0x36: {"start scan", startScan, nil},
	0x37: {"get firmware version", getVersion, nil},
	0x39: {"send UDP", sendUDP, nil},
	0x3a: {"get remote", getRemote, nil},
	0x3b: {"get time", getTime, nil},
	0x3c: {"get BSSID of", getBSSIDOf, nil},
	0x3d: {"get channel of", getChannelOf, nil},
	0x3e: {"ping", ping, always},
	0x3f: {"get socket", getSocket, nil},
	0x40: {"set enterprise", setEnterprise, nil},
	0x44: {"send", sendData, sendDataBlocks},
	0x45: {"get buffer", getBuffer, nil},
	0x46: {"insert UDP", insertUDP, nil},
	0x50: {"pin mode", pinMode, nil},
	0x51: {"digital write", digitalWrite, nil},
	0x52: {"analog write", analogWrite, nil},
	0x53: {"digital read", digitalRead, nil},
	0x54: {"analog read", analogRead, nil},
	0x60: {"write file", writeFile, nil},
	0x61: {"read file", readFile, nil},
	0x62: {"delete file", deleteFile, nil},
	0x63: {"file exists", existsFile, nil},
	0x64: {"download file", downloadFile, nil},
	0x65: {"apply OTA", notThere, nil}, // on an Uno WiFi alone
	0x66: {"rename file", renameFile, nil},
	0x67: {"download OTA", downloadOTA, nil},
	0x70: {"socket", bsdSocket, nil},
	0x71: {"close", bsdClose, nil},
	0x72: {"errno", bsdErrno, nil},
	0x73: {"bind", bsdBind, nil},
	0x74: {"listen", bsdListen, nil},
	0x75: {"accept", bsdAccept, bsdBlocks},
	0x76: {"connect", bsdConnect, bsdBlocks},
	0x77: {"send", bsdSend, bsdBlocks16},
	0x78: {"recv", bsdRecv, bsdBlocks},
	0x79: {"sendto", bsdSendTo, bsdBlocks16},
	0x7a: {"recvfrom", bsdRecvFrom, bsdBlocks},
	0x7b: {"ioctl", bsdIoctl, nil},
	0x7c: {"poll", bsdPoll, nil},
	0x7d: {"setsockopt", bsdSetsockopt, nil},
	0x7e: {"getsockopt", bsdGetsockopt, nil},
	0x7f: {"getpeername", bsdGetpeername, nil},
}

// handle carries out the command in the buffer. The only checks are those of
// CommandHandler.cpp: the first byte and whether there is a handler.
func (f *firmware) handle(buf *[frameMax]byte) {
	begun := f.c.clk.Now()
	number := buf[1]
	run := command{name: "unknown command", run: func(_ *firmware, _ input, r *reply) { r.fail() }}
	if buf[0] == frameStart && number < 0x80 {
		f.c.ledger.Commands[number]++
		if c, ok := f.v.handler(number); ok {
			run = c
		}
	}
	if run.blocks == nil || !run.blocks(f, buf[:]) {
		f.carryOut(run, buf[:], begun)
		return
	}
	in := append(input(nil), buf[:]...)
	f.c.tasks.Add(1)
	go func() {
		defer f.c.tasks.Done()
		f.c.lock()
		defer f.c.unlock()
		f.carryOut(run, in, begun)
	}()
}

// carryOut runs a handler and hands its reply to the bus, unless the chip hung
// or was reset meanwhile.
func (f *firmware) carryOut(run command, in input, begun time.Time) {
	c := f.c
	var text string
	if c.cfg.Trace != nil {
		text = f.describe(in)
	}
	r := &f.reply
	r.begin(in[1])
	run.run(f, in, r)
	if c.fw != f {
		return
	}
	event := Event{Command: in[1], Name: run.name, Params: text}
	if f.hung {
		c.phase = phaseHung
		event.Reply = "none, the chip hangs"
		c.trace(event)
		return
	}
	out := r.end(!f.v.unpaddedReply)
	if r.failed {
		c.ledger.ErrorReplies++
	}
	if c.cfg.Trace != nil {
		event.Reply = f.describeReply(in, out)
		event.Duration = c.after(c.cfg.Timing.Handle).Sub(begun)
		c.trace(event)
	}
	f.updateGPIO0()
	c.replied(out)
}
