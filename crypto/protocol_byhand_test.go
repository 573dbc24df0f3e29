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
	message := v.Item.named("message")
	folder, out, err := runByHand(t, v, v.Batch.Bundle.Tar)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
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
	gone, expired := v.Item.named("testimony"), v.Item.named("attachment")
	for _, line := range []string{
		gone.gone() + ": OK", fmt.Sprintf("expired/%x", expired.ID),
		fmt.Sprintf("missing: items/1/%x/payload.age", gone.ID),
		fmt.Sprintf("missing: items/1/%x/payload.age", expired.ID),
		fmt.Sprintf("%x  %s", message.BurnHash, message.gone()),
	} {
		if !strings.Contains(out, line) {
			t.Errorf("%q was not shown", line)
		}
	}
}

// TestProtocolByHandSeesAWrongToken: the same commands end where a member at
// gone/<id> is not the burn token.
func TestProtocolByHandSeesAWrongToken(t *testing.T) {
	v := readVectors(t, must(os.ReadFile(vectorsFile))(t))
	for _, mark := range v.Batch.Marks {
		members := untar(t, v.Batch.Bundle.Tar)
		for i, m := range members {
			if m.name == mark.Path {
				members[i].content = mark.Content
			}
		}
		_, out, err := runByHand(t, v, writeBundle(t, members))
		if (err == nil) != mark.Proves || strings.Contains(out, mark.Path+": OK") != mark.Proves {
			t.Errorf("%s: %v\n%s", mark.About, err, out)
		}
	}
}

// runByHand runs the commands in a new folder with this bundle.
func runByHand(t *testing.T, v vectors, bundle []byte) (folder, out string, err error) {
	t.Helper()
	folder = t.TempDir()
	for name, content := range map[string][]byte{
		"bundle.tar": bundle, "r1.key": []byte(v.Reviewer.Reviewers[0].KeyFile),
		"r1.weeks": v.Reviewer.Reviewers[0].SealedWeeks,
	} {
		if err := os.WriteFile(filepath.Join(folder, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(ageProgram(t), filepath.Join(folder, "age")); err != nil {
		t.Fatal(err)
	}
	script := fmt.Sprintf("id=%x\n", v.Item.named("message").ID)
	blocks := regexp.MustCompile("(?s)```bash\n(.*?)```").FindAllStringSubmatch(readProtocol(t), -1)
	for _, block := range blocks {
		script += block[1]
	}
	cmd := exec.Command("bash", "-c", script)
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), "PATH="+folder+":"+os.Getenv("PATH"), "LC_ALL=C")
	output, err := cmd.CombinedOutput()
	return folder, string(output), err
}
