package certs

import (
	"context"
	"errors"
	"time"
)

// Target is the place of an installed pair: two files in one directory. The
// zero Target is that of a standard JupyterHub host.
//
// The directory is replaced as a whole where the file system can: a program
// that has it open, or a bind mount of it elsewhere, keeps seeing the old
// one; see [Options.Method]. Beside it, in its parent, stand a lock
// (.NAME.lock), while an installation is under way a journal (.NAME.txn) and
// the new directory (.NAME.new), and the backups (NAME.backup).
type Target struct {
	Dir  string // empty means /opt/jupyterhub/certs
	Cert string // the name of the certificate file in Dir; empty means cert.pem
	Key  string // the name of the key file in Dir; empty means cert.key
}

// DefaultDir is where a standard JupyterHub host has its pair.
const DefaultDir = "/opt/jupyterhub/certs"

// Method is how the pair on disk is replaced.
type Method string

// The methods.
const (
	// MethodAuto is MethodExchange, and MethodRename where that cannot work.
	MethodAuto Method = ""
	// MethodExchange swaps the directory for a new one in one system call:
	// at no moment, and after no crash, is there one file of the old pair
	// and one of the new. Other files of the directory move along.
	MethodExchange Method = "exchange"
	// MethodRename renames the two files one after the other, with a journal
	// from which [Target.Recover] puts the old pair back after a crash. It is
	// what works on a mount point, on NFS and on overlays, and in a directory
	// with subdirectories; between the two renames the pair on disk does not
	// match.
	MethodRename Method = "rename"
)

// Endpoint is where a server can be asked for its certificate.
type Endpoint struct {
	Addr    string        // "host:port"; empty asks nowhere
	Name    string        // the host name to ask for
	Timeout time.Duration // how long it may take to show the new pair; zero means 10 seconds
}

// Hook is the caller's own part of an installation: to check and reload the
// server. It is called with StageReload when the new pair is in place, and
// with StageRestore when the old one is back. An error at StageReload brings
// the old pair back.
type Hook func(ctx context.Context, stage Stage) error

// Options says how a pair is installed. The zero value installs a pair whose
// report has no errors, and reloads nothing.
type Options struct {
	// Policy is what the pair must satisfy.
	Policy Policy

	// Force installs a pair in spite of errors in its report, as long as it
	// is a certificate with its key.
	Force bool

	// Hook, if not nil, makes the server use the pair.
	Hook Hook

	// Endpoint is asked, after the hook, for the certificate that is served;
	// if it is not the new one in time, the old pair is put back.
	Endpoint Endpoint

	// Keep is how many backups to keep; zero means 5, less than zero all.
	// The newest is always kept.
	Keep int

	// Method is how the pair on disk is replaced.
	Method Method

	step func(string) // called between the steps; for tests that kill the process
}

// Result is a successful installation.
type Result struct {
	// Report is that of the pair.
	Report *Report

	// Changed is false if the pair was in place already.
	Changed bool

	// Method is how it was put in place: MethodExchange or MethodRename;
	// empty if Changed is false.
	Method Method

	// Backup is the ID of the pair that was replaced, for
	// [Target.Rollback]; empty if there was none.
	Backup string

	// Recovered tells that an earlier installation had been killed and was
	// healed first.
	Recovered bool
}

// Backup is a pair that was replaced.
type Backup struct {
	ID   string    // sorts by time
	Time time.Time // when it was replaced
	Pair *Pair
}

// ErrChanged says that someone else changed the pair during an installation:
// what they wrote is in place.
var ErrChanged = errors.New("changed by someone else meanwhile")

// Load reads the installed pair through one handle of the directory, so that
// it is the old pair or the new one while an installation by MethodExchange
// is under way.
func (t Target) Load() (*Pair, error) { panic("todo") }

// Install puts a pair in place of the present one.
//
// The pair is judged by the policy; if its report has errors, nothing is
// written. It is installed in canonical form, see [Pair.CertPEM] and
// [Pair.KeyPEM], as plain files with new modification times: the certificate
// with mode 0644, the key with mode 0600, both with the owner and extended
// attributes of the files that they replace, and the key with its group's
// right to read. Other files of the directory are not touched. If the same
// pair is there already, nothing is done.
//
// Then the hook is called and the endpoint asked. If either fails, the old
// pair is put back and the hook called again. The error is an [*Error] that
// says at which stage it failed and what state that left.
//
// Install waits for another installation to end. It first heals one that was
// killed, as [Target.Recover] does. Once the pair is in place, cancelling ctx
// counts as a failure of the hook or the endpoint; putting the old pair back
// is not cancelled.
func (t Target) Install(ctx context.Context, p *Pair, opt Options) (*Result, error) { panic("todo") }

// Rollback installs the pair of a backup, or of the newest if id is empty,
// byte for byte as it was where a server can load it so. It is an
// installation like any other: the backup is judged, and the present pair
// becomes a backup. To go back to a pair that has expired, set
// [Options.Force].
func (t Target) Rollback(ctx context.Context, id string, opt Options) (*Result, error) {
	panic("todo")
}

// Recover heals an installation that was killed, and reports whether there
// was one. Afterwards the old pair or the new one is in place, whole. It is
// meant for a unit that runs before the server starts; the server should be
// reloaded if it runs already.
func (t Target) Recover(ctx context.Context) (bool, error) { panic("todo") }

// Backups lists the pairs that were replaced, oldest first.
func (t Target) Backups() ([]Backup, error) { panic("todo") }

// Audit judges the installed pair as it is on disk, where no normalisation
// puts anything right, and its files: modes, owners, symbolic links, and what
// was left behind.
func (t Target) Audit(pol Policy) (*Report, error) { panic("todo") }
