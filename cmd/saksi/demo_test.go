package main

import (
	"bytes"
	"strings"
	"syscall"
	"testing"

	"saksi/web/client"
)

// TestABuildWithoutTheScriptSaysSo: whoever runs the demo, or a server, learns that the
// server seals, and how to change that; of a whole build nobody reads it.
func TestABuildWithoutTheScriptSaysSo(t *testing.T) {
	for script, want := range map[bool]int{true: 0, false: 1} {
		var printed bytes.Buffer
		demo{dir: t.TempDir()}.explain(&printed, "", "http://127.0.0.1:1/", script)
		if n := strings.Count(printed.String(), withoutScript); n != want {
			t.Errorf("script %v: the demo says it %d times", script, n)
		}
	}
	p := startProcess(t, "saksi", "serve", "-data", newData(t), "-listen", "127.0.0.1:0")
	p.end(syscall.SIGTERM)
	want := 0
	if client.Script() == nil {
		want = 1
	}
	if n := strings.Count(p.printed.String(), withoutScript); n != want {
		t.Errorf("serve says it %d times, want %d", n, want)
	}
}
