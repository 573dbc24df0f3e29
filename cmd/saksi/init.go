package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"saksi/server/folder"
)

func runInit(_ context.Context, e env, args []string) error {
	fs := flags(e, "init")
	data := fs.String("data", "", "")
	origin := fs.String("origin", "", "")
	rosterFile := fs.String("roster", "", "")
	rootFile := fs.String("root", "", "")
	if err := parse(e, fs, args, 0, data); err != nil {
		return err
	}
	if *rosterFile == "" && *rootFile == "" {
		return initFolder(e, *data, *origin)
	}
	if *rosterFile == "" || *rootFile == "" {
		return hinted{errors.New("initialising: -roster and -root go together"),
			"saksi init -data " + shellWord(*data) + " -roster roster.note -root root.vkey"}
	}
	signed, waits, err := folder.Admit(*data, *rosterFile, *rootFile, time.Now)
	if errors.Is(err, folder.ErrNoFolder) {
		return hinted{fmt.Errorf("initialising: %q is no data folder yet, and the roster must name its key", *data),
			"saksi init -data " + shellWord(*data) + " -origin NAME makes it and writes server.vkey for the roster"}
	}
	if err != nil {
		return explain(err, *data)
	}
	if waits {
		fmt.Fprintf(e.stdout, "Roster %d of %s waits: it begins by itself on %s. Until then the one before it is in force.\n",
			signed.Sequence, signed.Origin, signed.From.Format(time.DateOnly))
		return nil
	}
	fmt.Fprintf(e.stdout, "Roster %d of %s is in force until %s, with %d reviewers.\n",
		signed.Sequence, signed.Origin, signed.Until.Format(time.DateOnly), len(signed.Reviewers))
	fmt.Fprintf(e.stdout, "Next: saksi serve -data %s\n", shellWord(*data))
	return nil
}

func initFolder(e env, data, origin string) error {
	if origin == "" {
		return hinted{errors.New("initialising: a new data folder needs a name"),
			"saksi init -data " + shellWord(data) + " -origin kotak.example"}
	}
	key, err := folder.Create(data, origin)
	if err != nil {
		return explain(err, data)
	}
	fmt.Fprintf(e.stdout, "Data folder %s is made. The server's key, for the roster, is in %s:\n%s\n",
		data, filepath.Join(data, "server.vkey"), key)
	fmt.Fprintf(e.stdout, "Next: saksi init -data %s -roster roster.note -root root.vkey\n", shellWord(data))
	return nil
}
