package main

import (
	"flag"
	"fmt"
	"net"
	"os"
	"strings"
)

// remoteFlags say where couriers come in, for a tor that is not saksi's own.
type remoteFlags struct{ listen, onion string }

func (f *remoteFlags) flags(fs *flag.FlagSet) {
	fs.StringVar(&f.listen, "couriers", "", "")
	fs.StringVar(&f.onion, "couriers-onion", "", "")
}

// check refuses a wrong address. What the data folder says of one is not looked at:
// a power cut may have left half a file, and tor or the server write it anew.
func (f remoteFlags) check(data string) error {
	if f.onion == "" {
		return nil
	}
	_, err := couriersOnion(data, f.onion)
	return err
}

// open opens the couriers' listener, if there is to be one: on IP:PORT or
// unix:PATH, which tor connects to.
func (f remoteFlags) open() ([]net.Listener, error) {
	if f.listen == "" {
		return nil, nil
	}
	network, address := "tcp", f.listen
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		network, address = "unix", path
		removeSocket(path) // of a server that died: this one holds the store's lock
	}
	l, err := net.Listen(network, address)
	if err != nil {
		return nil, fmt.Errorf("serving couriers: %w", err)
	}
	return []net.Listener{l}, nil
}

// removeSocket removes a socket, and nothing else that a slip may have named.
func removeSocket(path string) {
	if info, err := os.Lstat(path); err == nil && info.Mode().Type() == os.ModeSocket {
		_ = os.Remove(path) // if it is still there, listening fails
	}
}

// address returns the couriers' onion address as it is now: tor may write it once
// the server runs.
func (f remoteFlags) address(data string) func() string {
	return func() string {
		onion, err := couriersOnion(data, f.onion)
		if err != nil {
			return ""
		}
		return onion
	}
}
