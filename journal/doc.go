// Package journal reads and follows systemd's journal.
package journal
