package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"saksi/crypto/onionname"
	"saksi/crypto/pass"
	"saksi/server/courier"
	"saksi/server/folder"
	"saksi/server/inbox"
	"saksi/server/onion"
)

// runCourier hands on to add, list, remove and line.
func runCourier(ctx context.Context, e env, args []string) error {
	sub := map[string]func(context.Context, env, []string) error{
		"add": runCourierAdd, "list": runCourierList, "remove": runCourierRemove, "line": runCourierLine,
	}
	if len(args) == 0 || sub[args[0]] == nil {
		fmt.Fprintf(e.stderr, "saksi: error: courier: want add, list, remove or line\n\n%s", usage)
		return errUsage
	}
	return sub[args[0]](ctx, e, args[1:])
}

// withBook gives f a data folder's list of couriers, and what tells the name of the drop:
// through the running server if there is one, which tells tor; else on the folder
// itself. A server is asked for its name where that is needed alone: whoever is to be
// removed is removed from one that can say nothing else any more.
func withBook(data string, f func(book courier.Book, origin func() (string, error)) error) error {
	return withData(data, func(c *courier.Client) error {
		return f(c, func() (string, error) {
			status, err := c.Status()
			return status.Origin, err
		})
	}, func(b *inbox.Inbox) error {
		return f(&folder.Couriers{Dir: data}, func() (string, error) { return b.Newest().Origin, nil })
	})
}

// couriersOnion returns the address of the couriers' service: the one that is
// given, or that of a tor of our own, or what a joined one said last. It is "" if
// there is none.
func couriersOnion(data, given string) (string, error) {
	if given == "" {
		var err error
		if given, err = publishedName(data, onion.Couriers); given == "" || err != nil {
			return "", err
		}
	}
	if _, err := onionname.Parse(given); err != nil {
		return "", hinted{fmt.Errorf("reading the couriers' address %.80q: %w", given, err),
			"give all 56 letters and \".onion\", as in the file hostname of tor's HiddenServiceDir for couriers"}
	}
	return given, nil
}

func runCourierAdd(_ context.Context, e env, args []string) error {
	fs := flags(e, "courier add")
	data := fs.String("data", "", "")
	out := fs.String("out", "", "")
	given := fs.String("onion", "", "")
	if err := parse(e, fs, args, 1, data, out); err != nil {
		return err
	}
	address, err := couriersOnion(*data, *given)
	if err != nil {
		return err
	}
	if address == "" {
		return hinted{errors.New("adding courier: the couriers' onion address is not known yet"),
			"start saksi serve -onion once, or give -onion ADDRESS " +
				"as in the hostname file of tor's HiddenServiceDir for couriers"}
	}
	key, err := folder.ServerKey(*data)
	if err != nil {
		return explain(err, *data)
	}
	return withBook(*data, func(book courier.Book, origin func() (string, error)) error {
		name, err := origin()
		if err != nil {
			return err
		}
		p, err := pass.New(name, fs.Arg(0), address, key)
		if err != nil {
			return err
		}
		if err := handOut(book, p, *out); err != nil {
			return explainCourier(err)
		}
		printAdded(e.stdout, *data, *out, p)
		return nil
	})
}

// handOut writes the pass, and then puts its card on the list: a card without a
// pass would be of no use, and nobody could tell whose it is.
func handOut(book courier.Book, p *pass.Pass, out string) error {
	f, err := os.OpenFile(out, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("writing pass: %w", err)
	}
	_, err = f.WriteString(p.Text())
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = syncFolder(filepath.Dir(out))
	}
	if err == nil {
		err = book.AddCourier(p.Card())
	}
	if err != nil {
		return errors.Join(err, os.Remove(out))
	}
	return nil
}

// explainCourier adds the next step to what the list refuses.
func explainCourier(err error) error {
	return hintFor(err, []next{
		{pass.ErrTaken, "take another name, or remove the courier of this name first: saksi courier remove"},
		{pass.ErrMany, "saksi courier list names them: remove who has left"},
		{pass.ErrNoCourier, "saksi courier list names them"},
		{fs.ErrExist, "a pass is never written over: give another name, or remove the file if it is no longer in use"},
	})
}

// torsFile is the name of a courier's file in tor's authorized_clients.
func torsFile(name string) string { return filepath.Join("authorized_clients", name+".auth") }

func printAdded(w io.Writer, data, out string, p *pass.Pass) {
	card := p.Card()
	fmt.Fprintf(w, "%s is a courier now. The pass is in %s: it is a secret, for this one laptop.\n", card.Name, out)
	fmt.Fprintf(w, "Hand it over in person, and wipe it here. Next, on the laptop:\n\n")
	file := shellWord(filepath.Base(out))
	fmt.Fprintf(w, "    saksi courier line -pass %s\n    saksi fetch -pass %s -out FOLDER\n\n", file, file)
	fmt.Fprintf(w, "A server with -onion lets the courier in at once. With the system's tor, write the file\n\n")
	fmt.Fprintf(w, "    %s\n\nin the couriers' HiddenServiceDir, with this one line, and reload tor:\n\n    %s\n",
		torsFile(card.Name), card.Auth())
}

func runCourierList(_ context.Context, e env, args []string) error {
	fs := flags(e, "courier list")
	data := fs.String("data", "", "")
	if err := parse(e, fs, args, 0, data); err != nil {
		return err
	}
	return withBook(*data, func(book courier.Book, _ func() (string, error)) error {
		list, err := book.Couriers()
		if err != nil {
			return err
		}
		for _, c := range list {
			fmt.Fprintf(e.stdout, "%-*s  %s: %s", pass.MaxName, c.Name, torsFile(c.Name), c.Auth())
		}
		if len(list) == 0 {
			fmt.Fprintf(e.stdout, "No couriers. Next: saksi courier add -data %s -out FILE NAME\n", shellWord(*data))
		}
		return nil
	})
}

func runCourierRemove(_ context.Context, e env, args []string) error {
	fs := flags(e, "courier remove")
	data := fs.String("data", "", "")
	if err := parse(e, fs, args, 1, data); err != nil {
		return err
	}
	name := fs.Arg(0)
	return withBook(*data, func(book courier.Book, _ func() (string, error)) error {
		if err := book.RemoveCourier(name); err != nil {
			return explainCourier(err)
		}
		fmt.Fprintf(e.stdout, "%s is no courier any more: the server refuses the pass from now on, "+
			"also in the middle of a fetch.\n", name)
		fmt.Fprintf(e.stdout, "With the system's tor, remove the file\n\n    %s\n\n"+
			"in the couriers' HiddenServiceDir as well, and reload tor.\n", torsFile(name))
		return nil
	})
}

func runCourierLine(_ context.Context, e env, args []string) error {
	fs := flags(e, "courier line")
	file := fs.String("pass", "", "")
	if err := parse(e, fs, args, 0, file); err != nil {
		return err
	}
	p, err := readPass(e, *file)
	if err != nil {
		return err
	}
	fmt.Fprint(e.stdout, p.AuthPrivate())
	fmt.Fprintf(e.stderr, "saksi: this line is a secret. Lay it, as a file %s.auth_private with mode 0600, "+
		"into the folder that\nsaksi: ClientOnionAuthDir in this laptop's torrc names, and reload tor. "+
		"Then: saksi fetch -pass %s -out FOLDER\n",
		p.Courier, shellWord(*file))
	return nil
}

// readPass reads a pass, and warns if others could.
func readPass(e env, name string) (*pass.Pass, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, explainFile(fmt.Errorf("reading pass: %w", err))
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.Mode().Perm()&0o077 != 0 {
		fmt.Fprintf(e.stderr, "saksi: warning: others on this machine can read %s: chmod 600 %s\n", name, shellWord(name))
	}
	text, err := io.ReadAll(io.LimitReader(f, pass.MaxSize+1))
	if err != nil {
		return nil, explainFile(fmt.Errorf("reading pass: %w", err))
	}
	p, err := pass.Parse(string(text))
	if err != nil {
		return nil, hinted{err, "this is no pass, or a damaged one: ask the operator for a new one (saksi courier add)"}
	}
	return p, nil
}
