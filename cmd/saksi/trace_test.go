package main

import (
	"bytes"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"saksi/crypto/receipt"
	"saksi/server/servertest"
)

// process is a server under test as a process of its own.
type process struct {
	*servertest.Drop // only URL and T are set
	cmd              *exec.Cmd
	printed          *lockedBuffer
}

// startProcess runs command and waits for the address that the server prints.
func startProcess(t *testing.T, command ...string) *process {
	t.Helper()
	cmd := exec.Command(command[0], command[1:]...)
	var printed lockedBuffer
	cmd.Stdout, cmd.Stderr = &printed, &printed
	cmd.Env = append(os.Environ(), "TMPDIR="+emptyFolder(t))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &process{cmd: cmd, printed: &printed}
	t.Cleanup(func() { p.end(syscall.SIGTERM) })
	for range 2400 { // tor may have to connect first
		if _, rest, ok := strings.Cut(printed.String(), "saksi: serving "); ok && strings.Contains(rest, "\n") {
			address, _, _ := strings.Cut(rest, "\n")
			p.Drop = &servertest.Drop{Client: http.DefaultClient, URL: strings.TrimSuffix(address, "/"), T: t}
			return p
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("the server did not start: %s", printed.String())
	return nil
}

// emptyFolder is for what a program might put aside; it has to be empty in the end, also
// if the program was killed.
func emptyFolder(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	t.Cleanup(func() {
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("the folder for temporary files has %v, %v", left, err)
		}
	})
	return dir
}

func (p *process) end(signal syscall.Signal) {
	if p.cmd == nil {
		return
	}
	syscall.Kill(-p.cmd.Process.Pid, signal)
	p.cmd.Wait()
	p.cmd = nil
}

// lockedBuffer is a buffer for a process's output.
type lockedBuffer = servertest.Log

// newData makes a demo's folder, without serving it.
func newData(t testing.TB) string {
	t.Helper()
	d := demo{dir: t.TempDir()}
	if err := d.prepare(); err != nil {
		t.Fatal(err)
	}
	return d.path("data")
}

// TestPlaintextReachesNoFile runs the server under strace, sends a marker in a
// text, in the fields beside it, in a file of 50 MiB and in its name, and looks
// for it in everything that the process writes to anything but a socket.
func TestPlaintextReachesNoFile(t *testing.T) {
	if _, err := exec.LookPath("strace"); err != nil {
		t.Fatal("strace is missing: apt-get install strace")
	}
	data := newData(t)
	trace := filepath.Join(t.TempDir(), "trace")
	p := startProcess(t, "strace", "-f", "-y", "-qq", "-s", "2000000", "-o", trace,
		"-e", "trace=openat,open,creat,mkdir,mkdirat,rename,renameat,renameat2,write,pwrite64,writev,pwritev,pwritev2,sendfile,splice,copy_file_range,mmap,link,linkat,symlink,symlinkat",
		"saksi", "serve", "-data", data, "-listen", "127.0.0.1:0")
	const marker = "penanda-4711"
	code := p.Get("/write").Code(t)
	p.Post("/write", "code", code.Field(), "text", marker+"-teks", "q.unit", marker+"-unit", "q.waktu_rinci", marker+"-waktu")
	file := bytes.Repeat([]byte(marker+"-berkas "), 50<<20/20)
	if page := p.Upload("/file", marker+"-nama.jpg", file, "code", code.Field(), "n", "1", "keep", "1"); page.Status != 200 {
		t.Fatalf("upload: status %d", page.Status)
	}
	p.Post("/message", "code", code.Field(), "n", "2", "text", marker+"-pesan")
	p.Post("/open", "words", strings.Join(code.Words(), " "))
	p.end(syscall.SIGTERM)

	lines, writes := readTrace(t, trace)
	if writes < 50 {
		t.Fatalf("the trace has only %d writes to files: it cannot show anything", writes)
	}
	for _, line := range lines {
		if strings.Contains(line, "/store/") && strings.Contains(line, `"..., `) {
			t.Fatalf("the trace cuts a write short: %.100s", line)
		}
	}
	onSockets := 0
	for _, line := range lines {
		words := code.Words()
		for _, secret := range []string{marker, code.Field(), words[0] + " " + words[1], words[0] + "+" + words[1]} {
			if !strings.Contains(line, secret) {
				continue
			}
			if strings.Contains(line, "<socket:[") || strings.Contains(line, "<TCP:[") {
				onSockets++ // a page that goes back to its reader
				continue
			}
			t.Errorf("%q is written: %.300s", secret, line)
		}
	}
	if onSockets == 0 {
		t.Error("the trace does not even show the pages: it cannot show anything")
	}
	outside(t, lines, data)
	searchFolder(t, data, marker, code)
}

// readTrace returns the lines of a trace and how many write to files.
func readTrace(t *testing.T, name string) (lines []string, writes int) {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		lines = append(lines, line)
		if strings.Contains(line, "write") && strings.Contains(line, "/store/") {
			writes++
		}
	}
	return lines, writes
}

// outside holds that no file was opened for writing outside the data folder.
func outside(t *testing.T, lines []string, data string) {
	t.Helper()
	for _, line := range lines {
		writing := strings.Contains(line, "O_WRONLY") || strings.Contains(line, "O_RDWR") || strings.Contains(line, "O_CREAT")
		failed := strings.Contains(line, "= -1 EACCES")
		if !strings.Contains(line, "open") || !writing || failed || strings.Contains(line, data) || strings.Contains(line, `"/dev/null"`) {
			continue
		}
		t.Errorf("opened for writing outside the data folder: %.200s", line)
	}
}

// searchFolder looks for the marker in every byte and name of the data folder.
func searchFolder(t *testing.T, data, marker string, code receipt.Code) {
	t.Helper()
	err := filepath.WalkDir(data, func(name string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(name)
		for _, secret := range []string{marker, code.Field(), strings.Join(code.Words(), " "), string(code[:])} {
			if strings.Contains(name, secret) || bytes.Contains(content, []byte(secret)) {
				t.Errorf("%s holds plaintext", name)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestLandlockKeepsWritesInside asks the kernel, from within the confined
// process's own test: a server cannot create a file outside its data folder.
func TestLandlockKeepsWritesInside(t *testing.T) {
	data := newData(t)
	elsewhere := t.TempDir()
	cmd := exec.Command("saksi", "serve", "-data", data, "-listen", "127.0.0.1:0")
	cmd.Env = append(os.Environ(), "TMPDIR="+elsewhere)
	var printed lockedBuffer
	cmd.Stdout, cmd.Stderr = &printed, &printed
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		cmd.Process.Signal(syscall.SIGTERM)
		cmd.Wait()
	}()
	for range 200 {
		if strings.Contains(printed.String(), "serving") {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	status, err := os.ReadFile("/proc/" + strconv.Itoa(cmd.Process.Pid) + "/status")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(status), "NoNewPrivs:\t1") {
		t.Error("the process may gain privileges")
	}
	if landlocked := !strings.Contains(printed.String(), "no landlock"); !landlocked {
		t.Error("this kernel has no landlock: the confinement cannot be shown here")
	}
	if files, _ := os.ReadDir(elsewhere); len(files) > 0 {
		t.Errorf("the process left %v in its temporary folder", files)
	}
	limits, err := os.ReadFile("/proc/" + strconv.Itoa(cmd.Process.Pid) + "/limits")
	if err != nil || !coreForbidden(string(limits)) {
		t.Errorf("core dumps are allowed: %v", err)
	}
}

func coreForbidden(limits string) bool {
	for line := range strings.Lines(limits) {
		if strings.HasPrefix(line, "Max core file size") {
			fields := strings.Fields(line)
			return fields[4] == "0" && fields[5] == "0"
		}
	}
	return false
}
