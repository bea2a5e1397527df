package main

import (
	"context"
	"fmt"
	"log"

	"github.com/hubhost/hubhost/journal"
)

func main() {
	ctx := context.Background()
	j, err := journal.Open(journal.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer j.Close()

	for e, err := range j.Entries(ctx, journal.Query{Units: []string{"jupyter-alice"}, Newest: 100}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s %q\n", e.Time().Format("15:04:05"), e.Message())
	}

	errors, err := j.Follow(journal.Query{Units: []string{"jupyterhub", "jupyter-*"}, Priorities: journal.AtLeast(journal.Err)})
	if err != nil {
		log.Fatal(err)
	}
	for e, err := range errors.Entries(ctx) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s %q\n", e.Unit(), e.Message())
	}
}
