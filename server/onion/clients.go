package onion

import (
	"crypto/ecdh"
	"crypto/rand"
	"encoding/base32"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// nobody stands in the list of clients always, with a key whose private half is
// thrown away: tor opens a service that has no clients to everyone. No courier
// can have this name.
const nobody = "_nobody"

// keyText is base32 as tor's key files have it.
var keyText = base32.StdEncoding.WithPadding(base32.NoPadding)

// clients returns those who may come to the couriers' service, and nobody.
func (t *Tor) clients() (map[string]Key, error) {
	all := map[string]Key{}
	if t.config.Clients != nil {
		known, err := t.config.Clients()
		if err != nil {
			return nil, err
		}
		for name, key := range known {
			all[name] = key
		}
	}
	lost, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	all[nobody] = Key(lost.PublicKey().Bytes())
	return all, nil
}

// writeClients writes tor's list of them: one file for each.
func (t *Tor) writeClients() error {
	clients, err := t.clients()
	if err != nil {
		return err
	}
	dir := t.path(string(Couriers), "authorized_clients")
	if err := makePrivate(dir); err != nil {
		return err
	}
	for name, key := range clients {
		text := "descriptor:x25519:" + keyText.EncodeToString(key[:]) + "\n"
		if err := os.WriteFile(filepath.Join(dir, name+".auth"), []byte(text), 0o600); err != nil {
			return err
		}
	}
	return removeOthers(dir, clients)
}

func removeOthers(dir string, clients map[string]Key) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if _, ok := clients[strings.TrimSuffix(e.Name(), ".auth")]; ok {
			continue
		}
		if err := os.Remove(filepath.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

// Authorize has an own tor let in those, and only those, whom [Config.Clients]
// names now. A client of before who is still running keeps the way that he
// found: the API has to refuse him. A joined tor's list is its operator's.
func (t *Tor) Authorize() error {
	if t.config.Control != "" {
		return nil
	}
	if err := t.writeClients(); err != nil {
		return fmt.Errorf("telling tor who may come: %w", err)
	}
	t.reload()
	return nil
}
