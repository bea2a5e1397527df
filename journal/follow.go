package journal

import (
	"context"
	"iter"
)

// Follower yields entries as they are written. See [Journal.Follow].
type Follower struct {
	j *Journal
	q Query
}

// Follow returns a Follower for the entries that q asks for and that are
// written from now on: now is the return of this call, so what the caller
// starts next is seen from its first line. With Query.After, entries behind
// that cursor come first, with Query.Newest the newest so many, and with
// Query.Since those since then. Query.Reverse and Query.Until are refused.
//
// It holds nothing that must be closed.
func (j *Journal) Follow(q Query) (*Follower, error) { return &Follower{j: j, q: q}, nil }

// Entries yields the entries, each an owned one, and waits for more until ctx
// ends; the error, ctx's own or an [*Error], comes last and once. Nothing is
// lost and nothing comes twice while journald rotates and vacuums its files,
// as long as it leaves an entry on disk for one [Config.Poll]. An entry is
// seen some milliseconds after it was sent. Units that match a pattern of the
// query are followed also where they first appear later.
//
// After an early stop, ranging again goes on where it stopped. Only one
// goroutine may range at a time.
func (f *Follower) Entries(ctx context.Context) iter.Seq2[*Entry, error] {
	return func(yield func(*Entry, error) bool) { yield(nil, errTODO) }
}

// Cursor returns the place up to which everything has been yielded or was not
// wanted. Store it and set it as [Query.After] to go on there, in this process
// or the next; it moves on also while no entry matches. It is empty as long as
// the journal is. It may be called from any goroutine, also while Entries
// waits. Within the loop, it is the place behind the entry just yielded.
func (f *Follower) Cursor() string { return "" }
