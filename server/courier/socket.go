package courier

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
)

// SocketName is the socket's name in the data folder.
const SocketName = "saksi.sock"

// Listen opens the socket in a data folder, for its owner alone. A socket that
// a dead server left is replaced: the caller holds the store's lock.
func Listen(dir string) (net.Listener, error) {
	var l net.Listener
	err := withShortPath(dir, func(path string) (err error) {
		os.Remove(path)
		if l, err = net.Listen("unix", path); err != nil {
			return err
		}
		l.(*net.UnixListener).SetUnlinkOnClose(false)
		return os.Chmod(path, 0o600)
	})
	if err != nil {
		return nil, fmt.Errorf("opening socket: %w", err)
	}
	return l, nil
}

// Remove removes the socket after its listener was closed.
func Remove(dir string) { os.Remove(filepath.Join(dir, SocketName)) }

// dial connects to the socket in a data folder.
func dial(ctx context.Context, dir string) (net.Conn, error) {
	var conn net.Conn
	err := withShortPath(dir, func(path string) (err error) {
		conn, err = new(net.Dialer).DialContext(ctx, "unix", path)
		return err
	})
	return conn, err
}

// withShortPath calls f with a path to the socket that fits into the 107 bytes
// that the kernel takes, however deep the data folder lies: through the open
// folder's entry in /proc.
func withShortPath(dir string, f func(path string) error) error {
	folder, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer folder.Close()
	return f(fmt.Sprintf("/proc/self/fd/%d/%s", folder.Fd(), SocketName))
}
