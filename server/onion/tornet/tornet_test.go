package tornet

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

var starts = flag.Int("starts", 1, "networks that TestEveryStart starts, one after the other")

// TestEveryStart holds that a network can be relied on, and that its end leaves
// neither a process nor a file. It tells how long the onion took to be reachable.
func TestEveryStart(t *testing.T) {
	t.Parallel()
	var times []time.Duration
	for i := range *starts {
		var folder string
		began := time.Now()
		if t.Run(strconv.Itoa(i), func(t *testing.T) {
			n := Start(t)
			folder = n.dir
			reach(t, n, publish(t, n, "saksi"), "saksi")
			times = append(times, time.Since(began).Round(10*time.Millisecond))
		}) {
			t.Logf("start %d: reachable after %v", i, times[len(times)-1])
		}
		if left := residents(t, folder); len(left) > 0 {
			t.Errorf("Close left the processes %v", left)
		}
		if _, err := os.Stat(folder); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("Close left the folder: %v", err)
		}
	}
	if slices.Sort(times); len(times) > 0 {
		t.Logf("%d of %d failed; min %v, median %v, max %v", *starts-len(times), *starts,
			times[0], times[len(times)/2], times[len(times)-1])
	}
}

// TestTwoNetworksAtOnce holds that packages whose tests run side by side do not
// meet, and, in the one network, all that tests may ask of clients and services.
func TestTwoNetworksAtOnce(t *testing.T) {
	t.Parallel()
	networks := two(t)
	one, other := publish(t, networks[0], "one"), publish(t, networks[1], "other")
	client := reach(t, networks[0], one, "one")
	reach(t, networks[1], other, "other")
	t.Run("NeitherKnowsTheOther", func(t *testing.T) {
		if text, err := get(client.HTTP(), "http://"+other.Address()+"/"); err == nil {
			t.Errorf("the client of one network got %q from the other", text)
		}
	})
	t.Run("IsolatedClientsShareNoCircuit", func(t *testing.T) { testIsolation(t, client, one) })
	t.Run("AKilledServiceComesBackUnderItsAddress", func(t *testing.T) { testKilled(t, client, one) })
	t.Run("ATorThatJoinedPublishesByItsControlPort", func(t *testing.T) { testJoined(t, client, networks[0]) })
}

// two starts two networks in the same moment.
func two(t *testing.T) (networks [2]*Network) {
	t.Helper()
	var errs [2]error
	var wg sync.WaitGroup
	for i := range networks {
		wg.Go(func() { networks[i], errs[i] = Open() })
	}
	wg.Wait()
	for _, n := range networks {
		if n != nil {
			t.Cleanup(func() { must(t, n.Close()) })
		}
	}
	must(t, errors.Join(errs[:]...))
	return networks
}

// testIsolation reads from the client's circuits who shares one.
func testIsolation(t *testing.T, client *Client, service *Service) {
	for _, name := range []string{"one", "two", "two"} {
		if _, err := get(client.Isolated(name), "http://"+service.Address()+"/"); err != nil {
			t.Fatal(err)
		}
	}
	circuits, err := client.Ask("GETINFO circuit-status")
	must(t, err)
	met := map[string]int{}
	for _, line := range circuits {
		if _, rest, ok := strings.Cut(line, " SOCKS_USERNAME="); ok && strings.Contains(line, "HSCR_JOINED") {
			name, _, _ := strings.Cut(rest, " ")
			met[name]++
		}
	}
	if met[`"one"`] != 1 || met[`"two"`] != 1 {
		t.Errorf("of each name one circuit was expected: %v\n%s", met, strings.Join(circuits, "\n"))
	}
}

// testKilled kills a service's tor and starts it again.
func testKilled(t *testing.T, client *Client, service *Service) {
	address := service.Address()
	service.Kill()
	if _, err := service.Ask("GETINFO version"); err == nil {
		t.Fatal("the dead tor answered")
	}
	service.Start(t)
	if now := service.Address(); now != address {
		t.Errorf("the address was %q and is %q", address, now)
	}
	if text := client.Await(t, "http://"+address+"/"); text != "one" {
		t.Errorf("the service answered %q", text)
	}
}

// testJoined publishes as a program does that finds a tor running.
func testJoined(t *testing.T, client *Client, n *Network) {
	tor := n.Tor(t, "Nickname joined")
	if answer, err := tor.Ask("GETCONF Nickname"); err != nil || answer[0] != "250 Nickname=joined" {
		t.Errorf("the torrc lacks the line: %q, %v", answer, err)
	}
	answer, err := tor.Ask("ADD_ONION NEW:ED25519-V3 Flags=DiscardPK,Detach Port=80," + backend(t, "joined"))
	must(t, err)
	id, ok := strings.CutPrefix(answer[0], "250-ServiceID=")
	if !ok {
		t.Fatalf("adding an onion: %q", answer)
	}
	if text := client.Await(t, "http://"+id+".onion/"); text != "joined" {
		t.Errorf("the service answered %q", text)
	}
}

// backend serves a text on loopback.
func backend(t *testing.T, text string) (address string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, text)
	}))
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

// publish serves a text as an onion service.
func publish(t *testing.T, n *Network, text string) *Service {
	t.Helper()
	return n.Service(t, "HiddenServicePort 80 "+backend(t, text))
}

// reach gets the text of a service through a new client.
func reach(t *testing.T, n *Network, s *Service, want string) *Client {
	t.Helper()
	c := n.Client(t)
	if text := c.Await(t, "http://"+s.Address()+"/"); text != want {
		t.Errorf("the service answered %q, not %q", text, want)
	}
	return c
}

// residents returns the processes that have a folder in their command line. Of
// the dead it is empty.
func residents(t *testing.T, folder string) (found []string) {
	t.Helper()
	lines, err := filepath.Glob("/proc/[0-9]*/cmdline")
	must(t, err)
	for _, path := range lines {
		if text, err := os.ReadFile(path); err == nil && strings.Contains(string(text), folder+"/") {
			found = append(found, path)
		}
	}
	return found
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// hold keeps a network with a service and a client until this process is killed.
func hold(t *testing.T) {
	n := Start(t)
	reach(t, n, publish(t, n, "held"), "held")
	fmt.Println(n.dir)
	select {}
}
