package journal_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"os"
	"time"

	"github.com/hubhost/hubhost/journal"
)

// The last 100 lines of a user's server, what systemd says of it included.
func ExampleJournal_Entries() {
	ctx := context.Background()
	j, err := journal.Open(journal.Config{})
	if errors.Is(err, fs.ErrPermission) {
		log.Fatal("join the group adm: ", err)
	}
	if err != nil {
		log.Fatal(err)
	}
	defer j.Close()
	for e, err := range j.Entries(ctx, journal.Query{Units: []string{"jupyter-alice"}, Newest: 100}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s %q\n", e.Time().Format(time.DateTime), e.Message())
	}
	for _, skipped := range j.Skipped() {
		log.Print(skipped)
	}
}

// Errors and worse of the hub and of all users since yesterday.
func ExampleQuery() {
	ctx := context.Background()
	j, err := journal.Open(journal.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer j.Close()
	since, err := journal.ParseTime("yesterday", time.Now(), time.Local)
	if err != nil {
		log.Fatal(err)
	}
	q := journal.Query{
		Units:      []string{"jupyterhub", "jupyter-*"},
		Priorities: journal.AtLeast(journal.Err),
		Since:      since,
	}
	for e, err := range j.Entries(ctx, q) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s %s %q\n", e.Time().Format(time.DateTime), e.Unit(), e.Message())
	}
}

// Follow the hub's log, and go on after a restart of this program where it
// stopped.
func ExampleJournal_Follow() {
	ctx := context.Background()
	j, err := journal.Open(journal.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer j.Close()
	const state = "/var/lib/example/cursor"
	cursor, err := os.ReadFile(state)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		log.Fatal(err)
	}
	f, err := j.Follow(journal.Query{Units: []string{"jupyterhub"}, After: string(cursor)})
	if err != nil {
		log.Fatal(err)
	}
	for e, err := range f.Entries(ctx) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%q\n", e.Message())
		if err := os.WriteFile(state, []byte(f.Cursor()), 0o600); err != nil {
			log.Fatal(err)
		}
	}
}

// How many entries, and how much of it, each user's server has logged: the
// entries are only looked at, so they are taken on loan.
func ExampleJournal_EntriesLent() {
	ctx := context.Background()
	j, err := journal.Open(journal.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer j.Close()
	bytes := make(map[string]int)
	for e, err := range j.EntriesLent(ctx, journal.Query{Units: []string{"jupyter-*"}}) {
		if err != nil {
			log.Fatal(err)
		}
		message, _ := e.Get("MESSAGE")
		bytes[e.Unit()] += len(message)
	}
	fmt.Println(bytes)
}

// The entries of the boot before this one.
func ExampleJournal_Boots() {
	ctx := context.Background()
	j, err := journal.Open(journal.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer j.Close()
	boots, err := j.Boots(ctx)
	if err != nil {
		log.Fatal(err)
	}
	if len(boots) < 2 {
		log.Fatal("the journal has only this boot")
	}
	before := boots[len(boots)-2]
	fmt.Println("from", before.First, "to", before.Last)
	for e, err := range j.Entries(ctx, journal.Query{Boot: before.ID, Newest: 20}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%q\n", e.Message())
	}
}

// All users who have logged anything.
func ExampleJournal_Unique() {
	j, err := journal.Open(journal.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer j.Close()
	for uid, err := range j.Unique(context.Background(), "_UID") {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(uid)
	}
}

// Go on after a restart of one's own program where it stopped, and miss
// nothing.
func ExampleFollower_Cursor() {
	const saved = "/var/lib/hub-alerts/cursor"
	j, err := journal.Open(journal.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer j.Close()
	q := journal.Query{Units: []string{"jupyterhub"}, Priorities: journal.AtLeast(journal.Err)}
	if cursor, err := os.ReadFile(saved); err == nil {
		q.After = string(cursor)
	} else if !errors.Is(err, fs.ErrNotExist) {
		log.Fatal(err)
	}
	follower, err := j.Follow(q)
	if err != nil {
		log.Fatal(err)
	}
	for e, err := range follower.Entries(context.Background()) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s %q\n", e.Unit(), e.Message())
		if err := os.WriteFile(saved, []byte(follower.Cursor()), 0o600); err != nil {
			log.Fatal(err)
		}
	}
}

// Know what the logs take, and how far they reach back.
func ExampleJournal_Usage() {
	j, err := journal.Open(journal.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer j.Close()
	usage, err := j.Usage(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%d MiB since %s\n", usage.Bytes>>20, usage.Oldest.Format(time.DateOnly))
}
