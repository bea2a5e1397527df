package certs

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/hubhost/hubhost/internal/atomicfile"
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
	Timeout time.Duration // how long it may take to show the new pair and no other; zero means 10 seconds
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
	Pair *Pair     // as it was read back; it may be incomplete
}

// ErrChanged says that someone else changed the pair during an installation:
// what they wrote is in place.
var ErrChanged = errors.New("changed by someone else meanwhile")

// paths are the resolved places of a target.
type paths struct {
	parent, dir, cert, key string
	lock, journal, staged  string
	backups                string
}

func (t Target) paths() (paths, error) {
	dir := t.Dir
	if dir == "" {
		dir = DefaultDir
	}
	// A link is followed, so that what is replaced is the directory and not
	// the link to it.
	dir, err := atomicfile.Resolve(dir)
	if err != nil {
		return paths{}, err
	}
	p := paths{dir: dir, parent: filepath.Dir(dir), cert: cmp.Or(t.Cert, "cert.pem"), key: cmp.Or(t.Key, "cert.key")}
	for _, name := range []string{p.cert, p.key} {
		if filepath.Base(name) != name || strings.HasPrefix(name, ".") {
			return paths{}, fmt.Errorf("%q: %w: the name of a file in %s is wanted", name, fs.ErrInvalid, dir)
		}
	}
	if p.cert == p.key {
		return paths{}, fmt.Errorf("%q: %w: certificate and key need a file each", p.key, fs.ErrInvalid)
	}
	base := filepath.Base(dir)
	p.lock = filepath.Join(p.parent, "."+base+".lock")
	p.journal = filepath.Join(p.parent, "."+base+".txn")
	p.staged = filepath.Join(p.parent, "."+base+".new")
	p.backups = filepath.Join(p.parent, base+".backup")
	return p, nil
}

func (t Target) display() string { return cmp.Or(t.Dir, DefaultDir) }

// Load reads the installed pair through one handle of the directory, so that
// it is the old pair or the new one while an installation by MethodExchange
// is under way.
func (t Target) Load() (*Pair, error) {
	p, err := t.paths()
	if err != nil {
		return nil, &Error{Op: "load", Path: t.display(), Err: err}
	}
	d, err := readDir(p.dir, p)
	if err == nil {
		err = d.missing()
	}
	if err != nil {
		return nil, &Error{Op: "load", Path: p.dir, Err: err}
	}
	return Parse(d.cert.data, d.key.data), nil
}

// file is one of the two, as found on disk.
type file struct {
	data []byte
	info fs.FileInfo // nil if there is none
	link bool        // found behind a symbolic link
}

// sum identifies the content; empty if there is no file.
func (f file) sum() string {
	if f.info == nil {
		return ""
	}
	sum := sha256.Sum256(f.data)
	return hex.EncodeToString(sum[:])
}

// files is what a directory holds of a pair.
type files struct {
	dir       fs.FileInfo // nil if there is none
	cert, key file
}

func (d files) sums() sums { return sums{d.cert.sum(), d.key.sum()} }

func (d files) empty() bool { return d.cert.info == nil && d.key.info == nil }

func (d files) missing() error {
	for _, f := range []struct {
		file
		name Input
	}{{d.cert, InputCert}, {d.key, InputKey}} {
		if f.info == nil {
			return fmt.Errorf("the %s file: %w", f.name, fs.ErrNotExist)
		}
	}
	return nil
}

// readDir reads both files through one handle of the directory. What does
// not exist is left empty.
func readDir(dir string, p paths) (files, error) {
	var d files
	root, err := os.OpenRoot(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return d, nil
	}
	if err != nil {
		return d, err
	}
	defer root.Close()
	if d.dir, err = root.Stat("."); err != nil {
		return d, err
	}
	if d.cert, err = readFile(root, p.cert); err != nil {
		return d, err
	}
	d.key, err = readFile(root, p.key)
	return d, err
}

func readFile(root *os.Root, name string) (file, error) {
	path := filepath.Join(root.Name(), name)
	stat, open := root.Stat, root.Open
	info, err := root.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return file{}, nil
	}
	link := err == nil && info.Mode()&fs.ModeSymlink != 0
	if link {
		// A link may well lead out of the directory, as certbot's do.
		stat = func(string) (fs.FileInfo, error) { return os.Stat(path) }
		open = func(string) (*os.File, error) { return os.Open(path) }
	}
	if err == nil {
		info, err = stat(name)
	}
	if err != nil {
		return file{}, err
	}
	if !info.Mode().IsRegular() {
		// Opening a FIFO would wait for its other end.
		return file{}, &fs.PathError{Op: "open", Path: path, Err: atomicfile.ErrNotRegular}
	}
	f, err := open(name)
	if err != nil {
		return file{}, err
	}
	defer f.Close()
	if info, err = f.Stat(); err != nil {
		return file{}, err
	}
	data, err := readBounded(f)
	return file{data, info, link}, err
}

// Backups lists the pairs that were replaced, oldest first.
func (t Target) Backups() ([]Backup, error) {
	p, err := t.paths()
	if err != nil {
		return nil, &Error{Op: "backups", Path: t.display(), Err: err}
	}
	list, err := p.listBackups()
	if err != nil {
		return nil, &Error{Op: "backups", Path: p.backups, Err: err}
	}
	return list, nil
}

// backupTime sorts by time as text.
const backupTime = "20060102T150405.000000Z"

func newBackupID(now time.Time, p *Pair) string {
	mark := "unknown0"
	if sum := p.Fingerprint(); sum != "" {
		mark = sum[:8]
	}
	return now.UTC().Format(backupTime) + "-" + mark
}

func parseBackupID(id string) (time.Time, bool) {
	stamp, _, found := strings.Cut(id, "-")
	when, err := time.Parse(backupTime, stamp)
	return when, found && err == nil && filepath.Base(id) == id
}

func (p paths) backupIDs() ([]string, error) {
	entries, err := os.ReadDir(p.backups)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var ids []string // in the order of names, which is that of time
	for _, e := range entries {
		if _, ok := parseBackupID(e.Name()); ok && e.IsDir() {
			ids = append(ids, e.Name())
		}
	}
	return ids, nil
}

func (p paths) listBackups() ([]Backup, error) {
	ids, err := p.backupIDs()
	if err != nil {
		return nil, err
	}
	var list []Backup
	for _, id := range ids {
		d, err := readDir(filepath.Join(p.backups, id), p)
		if err != nil {
			return nil, err
		}
		when, _ := parseBackupID(id)
		list = append(list, Backup{ID: id, Time: when, Pair: Parse(d.cert.data, d.key.data)})
	}
	return list, nil
}
