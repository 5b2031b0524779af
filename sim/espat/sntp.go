package espat

import (
	"time"
)

// sntp is what CIPSNTPCFG sets.
type sntp struct {
	on      bool
	zone    int // hours, or hours and minutes as hhmm
	servers []string
	waiting bool
}

// offset is the zone as a time.
func (s *sntp) offset() time.Duration {
	if s.zone >= -12 && s.zone <= 14 {
		return time.Duration(s.zone) * time.Hour
	}
	return time.Duration(s.zone/100)*time.Hour + time.Duration(s.zone%100)*time.Minute
}

// sntpOnline asks for the time once there is an address.
func (f *firmware) sntpOnline() {
	s := &f.sntp
	if !s.on || s.waiting || !f.online() || f.wifi.station == nil {
		return
	}
	s.waiting = true
	f.task(func() {
		f.sleep(f.c.cfg.Timing.SNTP)
		s.waiting = false
		if f.dead() || !s.on || !f.online() {
			return
		}
		f.synced, f.timeOffset = true, 0
		if !f.v.nonOS() {
			f.print("+TIME_UPDATED\r\n")
		}
	})
}

func (f *firmware) cmdCIPSNTPCFG(r request) fault {
	s := &f.sntp
	if r.form == formQuery {
		if !s.on {
			f.reply(r, "0")
			return 0
		}
		line := ""
		for _, name := range s.servers {
			line += "," + quote(name)
		}
		f.reply(r, "1,%d%s", s.zone, line)
		return 0
	}
	a := args{list: r.params}
	on := a.number(0, 1)
	zone := a.numberOr(-1200, 1400, 8)
	servers := []string{}
	for range 3 {
		if name := a.strOr(64, ""); name != "" {
			servers = append(servers, name)
		}
	}
	if bad := a.end(); bad != 0 {
		return bad
	}
	if len(servers) == 0 {
		servers = []string{"cn.ntp.org.cn", "ntp.sjtu.edu.cn", "us.pool.ntp.org"}
	}
	s.on, s.zone, s.servers = on == 1, zone, servers
	f.after = append(f.after, f.sntpOnline)
	return 0
}

func (f *firmware) cmdCIPSNTPTIME(r request) fault {
	text := f.now().UTC().Add(f.sntp.offset()).Format("Mon Jan _2 15:04:05 2006")
	if !f.synced {
		text = f.now().UTC().Format("Mon Jan _2 15:04:05 2006")
	}
	if f.v.since(5, 0) {
		f.replyBare(r, "%s", text)
		return 0
	}
	f.reply(r, "%s", text)
	return 0
}
