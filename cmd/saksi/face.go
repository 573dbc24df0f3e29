package main

import (
	"flag"

	"saksi/server"
)

// A face is by which names serve is reached, and what the ordinary internet sees.
type face struct {
	hosts []string
	front string // address; empty for none
}

func (f *face) flags(fs *flag.FlagSet) {
	fs.Func("host", "", func(name string) error {
		f.hosts = append(f.hosts, name)
		return nil
	})
	fs.StringVar(&f.front, "front", "", "")
}

// names reads them.
func (f face) names() (*server.Hosts, error) {
	hosts, err := server.NewHosts(f.hosts...)
	if err != nil {
		return nil, hinted{err, "-host takes a name as it stands in the address, without http:// and without a port; " +
			"an onion address is in the file hostname of its HiddenServiceDir"}
	}
	return hosts, nil
}

// warnings: a tor that saksi does not know of hands requests over by a name that
// saksi does not know either, and all of them would be turned away.
func (f face) warnings() []string {
	if len(f.hosts) > 0 {
		return nil
	}
	return []string{"no -host is given: only this machine is shown the forms, and who comes by an onion address is turned away"}
}
