package crypto_test

import (
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"filippo.io/age"
)

// TestMain lets the test's own binary stand in for the age program, under that
// name: the library is the same, and few machines have age 1.3. To run the
// commands with a real one, set SAKSI_AGE to its path.
func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == "age" {
		if err := standIn(os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, "age: error:", err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// standIn is age -d -i KEYFILE FILE.
func standIn(args []string) error {
	flags := flag.NewFlagSet("age", flag.ExitOnError)
	flags.Bool("d", false, "decrypt")
	keyFile := flags.String("i", "", "identity file")
	flags.Parse(args)
	keys, err := os.Open(*keyFile)
	if err != nil {
		return err
	}
	ids, err := age.ParseIdentities(keys)
	if err != nil {
		return err
	}
	in, err := os.Open(flags.Arg(0))
	if err != nil {
		return err
	}
	plain, err := age.Decrypt(in, ids...)
	if err != nil {
		return err
	}
	_, err = io.Copy(os.Stdout, plain)
	return err
}

func ageProgram(t *testing.T) string {
	if stock := os.Getenv("SAKSI_AGE"); stock != "" {
		return stock
	}
	return must(os.Executable())(t)
}

// TestProtocolByHand runs the document's own commands on the vectors' bundle.
func TestProtocolByHand(t *testing.T) {
	v := readVectors(t, must(os.ReadFile(vectorsFile))(t))
	folder := t.TempDir()
	write := func(name string, content []byte) {
		if err := os.WriteFile(filepath.Join(folder, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("bundle.tar", v.Batch.Bundle.Tar)
	write("r1.key", []byte(v.Reviewer.Reviewers[0].KeyFile))
	if err := os.Symlink(ageProgram(t), filepath.Join(folder, "age")); err != nil {
		t.Fatal(err)
	}
	message := v.Item.named("message")
	out := runByHand(t, folder, fmt.Sprintf("id=%x", message.ID))
	for _, slot := range message.Slots {
		if !strings.Contains(out, fmt.Sprintf("%x  items/1/%x/slots/", slot.SHA256, message.ID)) {
			t.Errorf("the hash of the slot of %s was not shown", slot.Reviewer)
		}
	}
	for _, m := range message.Members {
		got := must(os.ReadFile(filepath.Join(folder, "y", m.Name)))(t)
		same(t, m.Name, sum(got), m.SHA256)
	}
	sameText(t, "e.key", string(must(os.ReadFile(filepath.Join(folder, "e.key")))(t)), message.E)
	if gone := fmt.Sprintf("%x", v.Item.named("testimony").ID); !strings.Contains(out, gone) {
		t.Error("the item that is gone was not shown")
	}
}

func runByHand(t *testing.T, folder, first string) string {
	t.Helper()
	blocks := regexp.MustCompile("(?s)```bash\n(.*?)```").FindAllStringSubmatch(readProtocol(t), -1)
	script := first + "\n"
	for _, block := range blocks {
		script += block[1]
	}
	cmd := exec.Command("bash", "-c", script)
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), "PATH="+folder+":"+os.Getenv("PATH"))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%d blocks of commands: %v\n%s", len(blocks), err, out)
	}
	return string(out)
}
