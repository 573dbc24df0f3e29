package main

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
)

const faceOnion = "pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion"

// faced starts the real server with these flags, and returns the addresses of its
// pages and of its front, and what ends it and returns what it warned of.
func faced(t *testing.T, flags ...string) (pages, front string, stop func() string) {
	t.Helper()
	d := demo{dir: t.TempDir()}
	if err := d.prepare(); err != nil {
		t.Fatal(err)
	}
	args := []string{"serve", "-data", d.path("data"), "-listen", "127.0.0.1:0", "-front", "127.0.0.1:0"}
	server := exec.Command("saksi", append(args, flags...)...)
	var warnings bytes.Buffer
	server.Stderr = &warnings
	server.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	stdout, err := server.StdoutPipe()
	if err == nil {
		err = server.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	stop = sync.OnceValue(func() string {
		_ = server.Process.Signal(syscall.SIGTERM)
		if err := server.Wait(); err != nil {
			t.Errorf("the server ended with %v", err)
		}
		return warnings.String()
	})
	t.Cleanup(func() { stop() })
	address := regexp.MustCompile(`127\.0\.0\.1:[0-9]+`)
	for scanner := bufio.NewScanner(stdout); front == "" && scanner.Scan(); {
		if found := address.FindString(scanner.Text()); pages == "" {
			pages = found
		} else {
			front = found
		}
	}
	return pages, front, stop
}

// askedAs fetches a page by a name.
func askedAs(t *testing.T, address, host string) (status int, page string) {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, "http://"+address+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	if host != "" {
		r.Host = host
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// TestServeIsReachedByItsNames, and the front by any, in the real program.
func TestServeIsReachedByItsNames(t *testing.T) {
	pages, front, stop := faced(t, "-host", faceOnion, "-host", "kotak.example")
	for host, want := range map[string]int{
		"": http.StatusOK, faceOnion: http.StatusOK, "kotak.example:80": http.StatusOK,
		"example.com": http.StatusMisdirectedRequest,
	} {
		if status, _ := askedAs(t, pages, host); status != want {
			t.Errorf("%q: status %d, want %d", host, status, want)
		}
	}
	status, page := askedAs(t, front, "example.com")
	if status != http.StatusOK || !strings.Contains(page, faceOnion) || strings.Contains(page, "/write") {
		t.Errorf("the front: status %d", status)
	}
	if warnings := stop(); strings.Contains(warnings, "-host") {
		t.Errorf("it says %s", warnings)
	}
}

// TestServeWithoutANameSaysSo: by an onion address that it does not know nobody
// gets in, and the operator is told.
func TestServeWithoutANameSaysSo(t *testing.T) {
	pages, _, stop := faced(t)
	if status, _ := askedAs(t, pages, faceOnion); status != http.StatusMisdirectedRequest {
		t.Errorf("status %d", status)
	}
	if warnings := stop(); !strings.Contains(warnings, "warning: no -host is given") {
		t.Errorf("it says %s", warnings)
	}
}
