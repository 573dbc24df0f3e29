package tornet

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

const (
	authorities = 3
	relays      = 4

	// Hosts of the claim.
	firstNode = 2
	firstTor  = 20
	lastTor   = 254

	// In seconds. Tor's least interval in a testing network is 10; 20 leaves a slow
	// machine time, and costs nothing, as the first vote is called.
	voteInterval = 20
	votePhase    = 2   // of which there are two: votes, then signatures
	voteDelay    = 1   // from the call until the first vote
	uncalled     = 300 // the interval before the call; has to divide 30 minutes
)

// A node is an authority or a relay. All relay, and none is an exit.
type node struct {
	daemon
	ip      string
	orPort  string // address and port
	dirPort string // of authorities alone, as all below
	control string
	v3ident string
}

func newNode(n *Network, i int) *node {
	host := firstNode + i
	d := &node{ip: n.claim.ip(host), orPort: n.claim.address(host, orPort)}
	d.name = fmt.Sprintf("relay%d", i-authorities+1)
	if i < authorities {
		d.name = fmt.Sprintf("authority%d", i+1)
		d.dirPort, d.control = n.claim.address(host, dirPort), n.claim.address(host, controlPort)
	}
	d.dir = filepath.Join(n.dir, d.name)
	return d
}

// makeKeys makes the identity of a node: all others have to name the authorities'
// in their torrcs.
func (d *node) makeKeys() error {
	keys := filepath.Join(d.dir, "keys")
	if err := os.MkdirAll(keys, 0o700); err != nil {
		return err
	}
	if d.dirPort != "" {
		if err := d.makeCertificate(keys); err != nil {
			return err
		}
	}
	out, err := command("tor", "--ignore-missing-torrc", "-f", d.path("none"), "--defaults-torrc", d.path("none"),
		"--DataDirectory", d.dir, "--Nickname", d.name, "--ORPort", d.orPort, "--list-fingerprint").CombinedOutput()
	if err != nil {
		return fmt.Errorf("making the keys of %s: %v\n%s", d.name, err, out)
	}
	return nil
}

// makeCertificate makes the keys with which an authority signs.
func (d *node) makeCertificate(keys string) error {
	cmd := command("tor-gencert", "--create-identity-key", "--passphrase-fd", "0", "-m", "12", "-a", d.dirPort,
		"-i", filepath.Join(keys, "authority_identity_key"),
		"-s", filepath.Join(keys, "authority_signing_key"),
		"-c", filepath.Join(keys, "authority_certificate"))
	cmd.Stdin = strings.NewReader("loopback\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("making the certificate of %s: %v\n%s", d.name, err, out)
	}
	text, err := os.ReadFile(filepath.Join(keys, "authority_certificate"))
	if err != nil {
		return err
	}
	_, rest, _ := strings.Cut(string(text), "\nfingerprint ")
	d.v3ident, _, _ = strings.Cut(rest, "\n")
	return nil
}

// fingerprint returns the name by which other nodes know this one.
func (d *node) fingerprint() string {
	text, _ := os.ReadFile(d.path("fingerprint")) // made by makeKeys, which failed otherwise
	_, fingerprint, _ := strings.Cut(strings.TrimSpace(string(text)), " ")
	return fingerprint
}

// directoryLine names an authority to others.
func (d *node) directoryLine() string {
	_, port, _ := net.SplitHostPort(d.orPort)
	return fmt.Sprintf("DirAuthority %s orport=%s v3ident=%s %s %s", d.name, port, d.v3ident, d.dirPort, d.fingerprint())
}

// torrc returns the lines of a node beyond those by which any tor joins.
func (d *node) torrc(bandwidths string) string {
	text := strings.NewReplacer("{name}", d.name, "{ip}", d.ip, "{or}", d.orPort).Replace(`
Nickname {name}
Address {ip}
OutboundBindAddress {ip}
ORPort {or}
SocksPort 0
AssumeReachable 1
ExitRelay 0
ContactInfo none
`)
	if d.dirPort == "" {
		return text
	}
	return text + strings.NewReplacer("{dir}", d.dirPort, "{control}", d.control, "{file}", bandwidths,
		"{interval}", fmt.Sprint(voteInterval), "{phase}", fmt.Sprint(votePhase), "{uncalled}", fmt.Sprint(uncalled)).Replace(`
DirPort {dir}
ControlPort {control}
CookieAuthentication 1
AuthoritativeDirectory 1
V3AuthoritativeDirectory 1
V3AuthVotingInterval {interval}
V3AuthVoteDelay {phase}
V3AuthDistDelay {phase}
V3AuthNIntervalsValid 3
TestingV3AuthInitialVotingInterval {uncalled}
TestingV3AuthInitialVoteDelay {phase}
TestingV3AuthInitialDistDelay {phase}
TestingDirAuthVoteGuard *
TestingDirAuthVoteHSDir *
AuthDirVoteStableGuaranteeMinUptime 0
AuthDirVoteStableGuaranteeMTBF 0
AuthDirFastGuarantee 0
V3BandwidthsFile {file}
`)
}

// callVote makes an authority hold the first vote voteDelay from now: a consensus
// becomes valid after both phases. Intervals count from midnight.
func (d *node) callVote(now int64) error {
	c, err := dial(d.control, d.path("control_auth_cookie"))
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = c.command(fmt.Sprintf("SETCONF TestingV3AuthInitialVotingInterval=%d TestingV3AuthVotingStartOffset=%d",
		voteInterval, (now+voteDelay+2*votePhase)%voteInterval))
	return err
}

func (n *Network) bandwidths() string { return filepath.Join(n.dir, "bandwidths") }

// writeBandwidths says that all nodes are equally fast: nobody has measured them,
// and unmeasured ones would get weights at random.
func (n *Network) writeBandwidths() error {
	text := fmt.Sprintln(time.Now().Unix())
	for _, node := range n.nodes {
		text += fmt.Sprintf("node_id=$%s bw=10000 nick=%s\n", node.fingerprint(), node.name)
	}
	return os.WriteFile(n.bandwidths(), []byte(text), 0o600)
}

// find says what to do if a program is missing. A test that is skipped would hold nothing.
func find(program string) error {
	if _, err := exec.LookPath(program); err != nil {
		return fmt.Errorf("%s is missing: apt-get install tor", program)
	}
	return nil
}
