// Package journal reads one journal of a JupyterHub host with package journal
// of this module, with journalctl and with coreos/go-systemd's cgo binding of
// libsystemd, in turn and in one run. On 500,000 entries:
//
//	go test -bench . ./journal -args -journal.entries=500000
//	go test -tags sdjournal -bench . ./journal -args -journal.entries=500000
//
// The second needs libsystemd-dev. Journals are made once, by
// systemd-journal-remote, in hubhost-bench below the user's cache directory.
package journal
