package tornet

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"
)

func TestTry(t *testing.T) {
	begin := time.Now()
	n := Start(t)
	fmt.Println("network", time.Since(begin), n.dir)
	b := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "saya saksi") }))
	defer b.Close()
	s := n.Service(t, "HiddenServicePort 80 "+b.Listener.Addr().String())
	fmt.Println("service", time.Since(begin), s.Address())
	c := n.Client(t)
	fmt.Println("client", time.Since(begin))
	fmt.Println(c.Await(t, "http://"+s.Address()+"/"), time.Since(begin))
	if os.Getenv("HOLD") != "" {
		fmt.Println(c.Ask("GETINFO circuit-status"))
		fmt.Println(n.nodes[0].Log())
		fmt.Println(n.nodes[5].Log())
		fmt.Println(s.Log())
	}
	for i := range 10 {
		b := time.Now()
		get(c.Isolated(fmt.Sprint(i)), "http://"+s.Address()+"/")
		fmt.Println(time.Since(b))
	}
	s.Kill()
	s.Start(t)
	fmt.Println("again", time.Since(begin), s.Address())
	fmt.Println(c.Await(t, "http://"+s.Address()+"/"), time.Since(begin))
}
