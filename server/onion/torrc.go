package onion

import (
	"fmt"
	"strings"
)

// Limits of the services, in tor's own hands.
const (
	// Beyond this many new visits a second, visitors have to show work. A drop sees
	// a few a minute.
	powRate  = 20
	powBurst = 100

	// Streams at once of one circuit. A browser opens 6; a page has 2 parts.
	reporterStreams = 32
	courierStreams  = 4
)

// A line of a torrc that belongs to a service.
type line struct {
	name, value string
	must        bool   // nothing works without
	why         string // for the operator
}

// serviceLines are those of one service, in the order in which tor wants them.
func serviceLines(s Service, dir, socket string) []line {
	lines := []line{
		{"HiddenServiceDir", dir, true, "keys and name of this service"},
		{"HiddenServicePort", "80 unix:" + socket, true, "where its visitors are brought"},
	}
	if s == Couriers {
		return append(lines,
			line{"HiddenServiceMaxStreams", fmt.Sprint(courierStreams), false, "streams of one circuit"})
	}
	return append(lines,
		line{"HiddenServiceExportCircuitID", "haproxy", true, "tells visits apart, so that one cannot crowd out another"},
		line{"HiddenServiceMaxStreams", fmt.Sprint(reporterStreams), false, "streams of one circuit"},
		line{"HiddenServicePoWDefensesEnabled", "1", false, "in a flood visitors show work, and get in by how much"},
		line{"HiddenServicePoWQueueRate", fmt.Sprint(powRate), false, "visits a second before they have to"},
		line{"HiddenServicePoWQueueBurst", fmt.Sprint(powBurst), false, "and at once"},
		line{"HiddenServiceEnableIntroDoSDefense", "1", false, "introduction points hold back floods, too"},
	)
}

// Lines returns what the torrc of a running tor needs, to be copied as it is.
// Keys are in folders of these names below base, which is tor's own folder; the
// sockets are in sockets. The server, in tor's group, reads the names there.
func Lines(base, sockets string) string {
	var text strings.Builder
	text.WriteString("DataDirectoryGroupReadable 1\n") // the way to the names
	for _, s := range services {
		for _, l := range serviceLines(s, strings.TrimRight(base, "/")+"/saksi-"+string(s), Socket(sockets, s)) {
			fmt.Fprintf(&text, "%s %s\n", l.name, l.value)
		}
		text.WriteString("HiddenServiceDirGroupReadable 1\n") // the server reads the name
	}
	return text.String()
}

// torrc returns all lines of an own tor.
func (t *Tor) torrc() string {
	text := []string{
		"# Written by saksi: what is changed here is lost at its next start.",
		"DataDirectory " + t.path("data"),
		"SocksPort unix:" + t.path("socks.sock"),
		"Log notice file " + t.path("log"),
		"TruncateLogFile 1",
		"LogTimeGranularity 3600000", // an hour, in milliseconds: no time of a visit
		"SafeLogging 1",
		"HeartbeatPeriod 0", // it would count the visits of each six hours into the log
		"AvoidDiskWrites 1",
		strings.TrimRight(t.config.Extra, "\n"), // before the services: their lines go by what precedes
	}
	for _, s := range services {
		for _, l := range serviceLines(s, t.path(string(s)), Socket(t.config.Sockets, s)) {
			text = append(text, l.name+" "+l.value)
		}
	}
	return strings.Join(text, "\n") + "\n"
}
