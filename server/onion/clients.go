package onion

import (
	"crypto/ecdh"
	"crypto/rand"
	"encoding/base32"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// nobody stands in the list of clients always, with a key whose private half is
// thrown away: tor opens a service that has no clients to everyone. No courier
// can have this name.
const nobody = "_nobody"

// unfinished is a file of the list, or the torrc, while it is written. It is in the same folder:
// the process may write below its data folder alone, and then the kernel moves no
// file from one folder to another.
const unfinished = "_part"

// keyText is base32 as tor's key files have it.
var keyText = base32.StdEncoding.WithPadding(base32.NoPadding)

// known returns those who may come to the couriers' service. When the list cannot
// be read it is nobody: the rest of the drop goes on meanwhile.
func (t *Tor) known() (map[string]Key, error) {
	if t.config.Clients == nil {
		return nil, nil
	}
	known, err := t.config.Clients()
	if err != nil {
		return nil, fmt.Errorf("no courier is let in: %w", err)
	}
	return known, nil
}

// writeClients writes tor's list of them: one file for each. What is right stays as
// it is, so that a full disk changes nothing; and nobody comes first, so that the
// list is empty at no moment. The first error is that of [Config.Clients].
func (t *Tor) writeClients() (unread, err error) {
	t.writing.Lock()
	defer t.writing.Unlock()
	known, unread := t.known()
	dir := t.path(string(Couriers), "authorized_clients")
	if err := makePrivate(dir); err != nil {
		return unread, err
	}
	if err := keepNobody(dir); err != nil {
		return unread, err
	}
	err = removeOthers(dir, known)
	for name, key := range known {
		err = errors.Join(err, writeClient(dir, name, key))
	}
	return unread, err
}

const keyPrefix = "descriptor:x25519:"

// keepNobody sees to it that nobody stands in the list.
func keepNobody(dir string) error {
	text, _ := os.ReadFile(filepath.Join(dir, nobody+".auth")) // none is a wrong one
	encoded, ok := strings.CutPrefix(strings.TrimSuffix(string(text), "\n"), keyPrefix)
	if key, err := keyText.DecodeString(encoded); ok && err == nil && len(key) == len(Key{}) {
		return nil
	}
	lost, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	return writeClient(dir, nobody, Key(lost.PublicKey().Bytes()))
}

func writeClient(dir, name string, key Key) error {
	return keepFile(dir, name+".auth", keyPrefix+keyText.EncodeToString(key[:])+"\n")
}

// keepFile puts a file in its place whole: tor passes over half a one. What is right stays
// as it is: a full disk would take it away, and not give it back.
func keepFile(dir, name, text string) error {
	path, part := filepath.Join(dir, name), filepath.Join(dir, unfinished)
	if have, err := os.ReadFile(path); err == nil && string(have) == text {
		return nil
	}
	if err := os.WriteFile(part, []byte(text), 0o600); err != nil {
		return errors.Join(err, os.Remove(part))
	}
	return os.Rename(part, path)
}

func removeOthers(dir string, clients map[string]Key) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		name := strings.TrimSuffix(e.Name(), ".auth")
		if _, ok := clients[name]; ok || name == nobody || name == unfinished {
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
	unread, err := t.writeClients()
	t.reload() // for what could be written
	if err := errors.Join(unread, err); err != nil {
		return fmt.Errorf("telling tor who may come: %w", err)
	}
	return nil
}
