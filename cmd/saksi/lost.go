package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"saksi/crypto/receipt"
	"saksi/server/courier"
	"saksi/server/inbox"
	"saksi/server/store"
)

func runLost(_ context.Context, e env, args []string) error {
	fs := flags(e, "lost")
	data := fs.String("data", "", "")
	yes := fs.Bool("yes", false, "")
	if err := fs.Parse(args); err != nil {
		return errUsage // it has said what
	}
	if err := parse(e, fs, args, max(1, fs.NArg()), data); err != nil {
		return err
	}
	ids := make([]receipt.ItemID, fs.NArg())
	for i, name := range fs.Args() {
		id, err := receipt.ParseItemID(name)
		if err != nil {
			return hinted{fmt.Errorf("%w: %.100q", err, name), "copy the number behind the word item from what saksi check says"}
		}
		ids[i] = id
	}
	return operate(*data, func(ops courier.Operations) error {
		var failed []error
		for _, id := range ids {
			failed = append(failed, explainLost(e.lost(ops, id, *yes), id))
		}
		if err := errors.Join(failed...); err != nil || *yes {
			return err
		}
		fmt.Fprint(e.stdout, lostMeans)
		return nil
	})
}

// lostMeans says what giving up means.
const lostMeans = `Nothing was changed. If a backup has what is missing, stop the server, put it back, and let check look again.
With -yes before the number what is left is deleted, and nobody can undo it. The reporter reads that our disk
lost it. The desks that miss it are told that the server has it no more, and confirm its batch.
`

// lost gives up an item, or says that it can be given up.
func (e env) lost(ops courier.Operations, id receipt.ItemID, yes bool) error {
	do, done := ops.Lost, "Item %s is lost.\n"
	if yes {
		do, done = ops.GiveUp, "Item %s is given up: tell the reviewers that it was your disk.\n"
	}
	if err := do(id); err != nil {
		return err
	}
	fmt.Fprintf(e.stdout, done, id)
	return nil
}

// explainLost adds the item, and the next step.
func explainLost(err error, id receipt.ItemID) error {
	if err == nil {
		return nil
	}
	return hintFor(fmt.Errorf("item %s: %w", id, err), []next{
		{inbox.ErrWhole, "nothing is to be given up; saksi check says what else is wrong"},
		{store.ErrGone, "by its reporter, by its time or by this command: there is nothing left to do"},
		{fs.ErrPermission, "its file is there, and belongs to another user: give it to the user of the data folder with chown, then saksi check"},
		{store.ErrUnknown, "look whether the number is the one that saksi check names"},
	})
}
