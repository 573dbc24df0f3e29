// Package tornet runs a whole Tor network on loopback for tests: Debian's tor as
// three directory authorities that relay and four relays, without exits. Only
// tests import it; no program links it.
//
//	network := tornet.Start(t)
//	service := network.Service(t, "HiddenServicePort 80 unix:/run/backend")
//	page := network.Client(t).Await(t, "http://"+service.Address()+"/")
//
// A network takes about 15 seconds to start, so a package should have one [Shared],
// which its TestMain closes. To see whether it still starts every time:
//
//	go test ./server/onion/tornet -run EveryStart -v -starts 20
//
// # What it takes
//
// Each network claims a /24 of 127.0.0.0/8 for itself and gives each node an
// address of its own there, so that several networks run at once. Nothing leaves
// loopback. With the test process ends all that it started, however it ends: each
// tor gets a signal from the kernel at its parent's death, and looks after its
// parent besides. Only a temporary folder stays behind if that death is sudden.
//
// # Why it is ready soon
//
// All keys are made first; then all nodes start at once, and when each authority
// knows all of them, the vote is called. Guards, HSDirs and stable nodes are voted
// without the days of good conduct that they take elsewhere: onion services want
// a Stable last hop, and a first consensus without any costs a minute.
package tornet

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// A Network is seven nodes that know each other. Its methods may be called from
// several goroutines.
type Network struct {
	dir   string
	claim claim
	nodes []*node // authorities first

	mu   sync.Mutex
	tors map[int]*Tor // those that joined, by their host in the claim
}

// Start starts a network, which ends with the test.
func Start(t testing.TB) *Network {
	t.Helper()
	n, err := Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
	return n
}

// Open starts a network for all tests of a package, whose TestMain closes it. It
// returns when every authority serves a consensus in which every node has the
// flags that onion services need.
func Open() (*Network, error) {
	n := &Network{tors: map[int]*Tor{}}
	err := n.open()
	if err != nil {
		return nil, errors.Join(err, n.Close())
	}
	return n, nil
}

// Shared is a network for all tests of a package, made when the first of them
// asks. Its zero value is ready.
type Shared struct {
	once sync.Once
	n    *Network
	err  error
}

// Get returns the network. The test fails if there is none.
func (s *Shared) Get(t testing.TB) *Network {
	t.Helper()
	s.once.Do(func() { s.n, s.err = Open() })
	if s.err != nil {
		t.Fatal(s.err)
	}
	return s.n
}

// Close ends the network, if there is one. TestMain calls it.
func (s *Shared) Close() error {
	s.once.Do(func() {})
	if s.n == nil {
		return nil
	}
	return s.n.Close()
}

func (n *Network) open() (err error) {
	for _, program := range []string{"tor", "tor-gencert"} {
		if err := find(program); err != nil {
			return err
		}
	}
	if n.dir, err = newFolder(); err != nil {
		return err
	}
	if n.claim, err = newClaim(); err != nil {
		return err
	}
	if err := os.WriteFile(n.empty(), nil, 0o600); err != nil {
		return err
	}
	for i := range authorities + relays {
		n.nodes = append(n.nodes, newNode(n, i))
	}
	if err := each(n.nodes, (*node).makeKeys); err != nil {
		return err
	}
	if err := n.configure(); err != nil {
		return err
	}
	if err := each(n.nodes, func(node *node) error { return node.start(n.empty()) }); err != nil {
		return err
	}
	return n.vote()
}

// Close ends all that runs in the network and removes its folder.
func (n *Network) Close() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, t := range n.tors {
		t.kill()
	}
	for _, node := range n.nodes {
		node.kill()
	}
	if n.claim.Listener != nil {
		n.claim.Close()
	}
	if n.dir == "" {
		return nil
	}
	return os.RemoveAll(n.dir)
}

// Torrc returns the lines by which a tor joins this network.
func (n *Network) Torrc() string {
	lines := []string{
		"TestingTorNetwork 1",
		"PathsNeededToBuildCircuits 0.67",
		"ShutdownWaitLength 0",
		"KISTSchedRunInterval 1 msec", // an upload of 10 MiB takes 1.2 s instead of 3.5: the links are fast
		"GeoIPFile " + n.empty(),
		"GeoIPv6File " + n.empty(),
	}
	for _, a := range n.nodes[:authorities] {
		lines = append(lines, a.directoryLine())
	}
	return strings.Join(lines, "\n") + "\n"
}

// Seed copies what an authority knows of the network into the data folder of a
// tor that is not running yet. Without it the tor would ask before a directory
// has the answer, and wait ten seconds before it asks again.
func (n *Network) Seed(dataDir string) error {
	// The consensus goes before the descriptors that it names: those only grow.
	for _, name := range []string{"cached-certs", consensusFile, "cached-microdescs", "cached-microdescs.new"} {
		text, err := os.ReadFile(filepath.Join(n.nodes[0].dir, name))
		if errors.Is(err, fs.ErrNotExist) && strings.HasPrefix(name, "cached-microdescs") {
			continue // they are in either, or both
		}
		if err != nil {
			return fmt.Errorf("seeding a tor: %w", err)
		}
		if err := os.WriteFile(filepath.Join(dataDir, name), text, 0o600); err != nil {
			return fmt.Errorf("seeding a tor: %w", err)
		}
	}
	return nil
}

const consensusFile = "cached-microdesc-consensus"

// empty returns the path of an empty file: for GeoIP, which would be loaded seven
// times, and for defaults, which are not to be those of this machine.
func (n *Network) empty() string { return filepath.Join(n.dir, "empty") }

// configure writes the nodes' torrcs.
func (n *Network) configure() error {
	if err := n.writeBandwidths(); err != nil {
		return err
	}
	for _, node := range n.nodes {
		if err := node.writeTorrc(n.Torrc() + node.torrc(n.bandwidths())); err != nil {
			return err
		}
	}
	return nil
}

// vote waits until every authority knows every node, has them vote, and waits
// until every one serves, and has on disk for Seed, a consensus in which no node
// lacks a flag. A first vote by the clock comes too early on a crowded machine,
// and then all wait for the second.
func (n *Network) vote() error {
	err := n.awaitAuthorities("to know every node", func(a *node) error {
		known, err := a.directory("server/all")
		return errors.Join(err, n.unknown(known))
	})
	if err != nil {
		return err
	}
	now := time.Now().Unix()
	if err := each(n.nodes[:authorities], func(a *node) error { return a.callVote(now) }); err != nil {
		return fmt.Errorf("calling the first vote: %w", err)
	}
	what := "to serve a consensus with every node " + strings.Join(flags, ", ")
	return n.awaitAuthorities(what, func(a *node) error {
		served, err := a.directory("status-vote/current/consensus-microdesc")
		if err != nil {
			return err
		}
		stored, err := os.ReadFile(a.path(consensusFile))
		return errors.Join(err, n.lacks(served), n.lacks(string(stored)))
	})
}

// awaitAuthorities waits for one authority after the other.
func (n *Network) awaitAuthorities(what string, ask func(*node) error) error {
	var all []*daemon
	for _, node := range n.nodes {
		all = append(all, &node.daemon)
	}
	for _, a := range n.nodes[:authorities] {
		if err := await(a.name+" "+what, all, func() error { return ask(a) }); err != nil {
			return err
		}
	}
	return nil
}

// unknown says which nodes are missing among server descriptors.
func (n *Network) unknown(descriptors string) error {
	for _, node := range n.nodes {
		if !strings.Contains("\n"+descriptors, "\nrouter "+node.name+" ") {
			return fmt.Errorf("it does not know %s", node.name)
		}
	}
	return nil
}

// flags are those that every node needs: a circuit of an onion service takes any.
var flags = []string{"Running", "Guard", "HSDir", "Stable", "Fast"}

// lacks says which nodes or flags are missing in a consensus.
func (n *Network) lacks(consensus string) error {
	has, name := map[string][]string{}, ""
	for line := range strings.Lines(consensus) {
		switch fields := strings.Fields(line); {
		case len(fields) > 1 && fields[0] == "r":
			name = fields[1]
		case len(fields) > 0 && fields[0] == "s":
			has[name] = fields
		}
	}
	var missing []string
	for _, node := range n.nodes {
		for _, flag := range flags {
			if !slices.Contains(has[node.name], flag) {
				missing = append(missing, node.name+" "+flag)
			}
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("the consensus lacks %s", strings.Join(missing, ", "))
	}
	return nil
}

// directory asks an authority for a document.
func (a *node) directory(document string) (string, error) {
	req, err := http.NewRequest("GET", "http://"+a.dirPort+"/tor/"+document, nil)
	if err != nil {
		return "", err
	}
	req.Header.Set("Accept-Encoding", "identity") // tor deflates otherwise, asked or not
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}
	resp, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return "", errors.New(resp.Status)
	}
	text, err := io.ReadAll(resp.Body)
	return string(text), err
}

// each does something with all nodes at once.
func each(nodes []*node, do func(*node) error) error {
	errs := make([]error, len(nodes))
	var wg sync.WaitGroup
	for i, node := range nodes {
		wg.Go(func() { errs[i] = do(node) })
	}
	wg.Wait()
	return errors.Join(errs...)
}
