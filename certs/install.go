package certs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/hubhost/hubhost/internal/atomicfile"
)

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
func (t Target) Install(ctx context.Context, p *Pair, opt Options) (*Result, error) {
	fail := func(stage Stage, err error) (*Result, error) {
		return nil, &Error{Op: "install", Path: t.display(), Stage: stage, State: StateUntouched, Err: err}
	}
	report, err := admit(p, opt)
	if err != nil {
		return fail(StageVerify, err)
	}
	key, err := p.KeyPEM()
	if err != nil {
		return fail(StageVerify, err)
	}
	in, err := t.begin(ctx, "install", opt)
	if err != nil {
		return nil, err
	}
	defer in.lock.Release()
	return in.run(ctx, p, report, p.CertPEM(), key)
}

// Rollback installs the pair of a backup, or of the newest if id is empty,
// byte for byte as it was where a server can load it so. It is an
// installation like any other: the backup is judged, and the present pair
// becomes a backup. To go back to a pair that has expired, set
// [Options.Force].
func (t Target) Rollback(ctx context.Context, id string, opt Options) (*Result, error) {
	in, err := t.begin(ctx, "rollback", opt)
	if err != nil {
		return nil, err
	}
	defer in.lock.Release()

	d, err := in.backup(id)
	if err != nil {
		return nil, in.fail(StageVerify, StateUntouched, err)
	}
	p := Parse(d.cert.data, d.key.data)
	report, err := admit(p, opt)
	if err != nil {
		return nil, in.fail(StageVerify, StateUntouched, err)
	}
	cert, key := d.cert.data, d.key.data
	if slices.ContainsFunc(p.findings, func(f Finding) bool { return f.stops }) {
		cert = p.CertPEM()
		if key, err = p.KeyPEM(); err != nil {
			return nil, in.fail(StageVerify, StateUntouched, err)
		}
	}
	return in.run(ctx, p, report, cert, key)
}

// Recover heals an installation that was killed, and reports whether there
// was one. Afterwards the old pair or the new one is in place, whole. It is
// meant for a unit that runs before the server starts; the server should be
// reloaded if it runs already.
func (t Target) Recover(ctx context.Context) (bool, error) {
	in, err := t.begin(ctx, "recover", Options{})
	if err != nil {
		return false, err
	}
	return in.recovered, in.lock.Release()
}

// admit judges a pair that is to be installed.
func admit(p *Pair, opt Options) (*Report, error) {
	report := p.Verify(opt.Policy)
	if !p.matched {
		return nil, errors.Join(report.Err(), ErrIncomplete)
	}
	if err := report.Err(); err != nil && !opt.Force {
		return nil, err
	}
	return report, nil
}

// installer is one installation, with the lock held.
type installer struct {
	paths
	op        string
	opt       Options
	lock      *atomicfile.Lock
	recovered bool
}

func (t Target) begin(ctx context.Context, op string, opt Options) (*installer, error) {
	if opt.step == nil {
		opt.step = func(string) {}
	}
	p, err := t.paths()
	in := &installer{paths: p, op: op, opt: opt}
	if err != nil {
		in.dir = t.display()
		return nil, in.fail(StageLock, StateUntouched, err)
	}
	if in.lock, err = atomicfile.Acquire(ctx, p.lock); err != nil {
		return nil, in.fail(StageLock, StateUntouched, err)
	}
	if in.recovered, err = in.recover(); err != nil {
		return nil, in.fail(StageRecover, StateInterrupted, errors.Join(err, in.lock.Release()))
	}
	return in, nil
}

func (in *installer) fail(stage Stage, state State, err error) error {
	return &Error{Op: in.op, Path: in.dir, Stage: stage, State: state, Err: err}
}

// backup reads a backup; with an empty id the newest.
func (in *installer) backup(id string) (files, error) {
	ids, err := in.backupIDs()
	switch {
	case err != nil:
		return files{}, err
	case id == "" && len(ids) > 0:
		id = ids[len(ids)-1]
	case !slices.Contains(ids, id):
		return files{}, fmt.Errorf("backup %q: %w", id, fs.ErrNotExist)
	}
	return readDir(filepath.Join(in.backups, id), in.paths)
}

// run does what is common to Install and Rollback once the pair is admitted.
func (in *installer) run(ctx context.Context, p *Pair, report *Report, cert, key []byte) (*Result, error) {
	result := &Result{Report: report, Recovered: in.recovered}
	old, err := readDir(in.dir, in.paths)
	if err != nil {
		return nil, in.fail(StageStage, StateUntouched, err)
	}
	if old.cert.link || old.key.link {
		return nil, in.fail(StageStage, StateUntouched, fmt.Errorf("%w: the pair belongs to the program that made the link; install it there", CodeIsSymlink))
	}
	if bytes.Equal(old.cert.data, cert) && bytes.Equal(old.key.data, key) && old.modesFit() {
		// A killed installation may have been so before its reload.
		if !in.recovered && in.serves(ctx, p) {
			return result, nil
		}
		if stage, err := in.use(ctx, p); err != nil {
			return nil, in.fail(stage, StateReplaced, err)
		}
		return result, nil
	}

	j := &journal{Method: in.opt.Method, Goal: goalNew, Old: old.sums(), New: sumsOf(cert, key), HadDir: old.dir != nil}
	if !old.empty() {
		j.Backup = newBackupID(time.Now(), Parse(old.cert.data, old.key.data))
	}
	if j.Method == MethodAuto {
		j.Method = MethodExchange
	}
	stage, err := in.replace(ctx, j, old, cert, key)
	if err != nil {
		return nil, in.abandon(j, stage, err)
	}
	if stage, err := in.use(ctx, p); err != nil {
		return nil, in.restore(ctx, j, old, stage, err)
	}
	if err := errors.Join(in.finish(j), in.prune()); err != nil {
		return nil, in.fail(StageFinish, StateReplaced, err)
	}
	result.Changed, result.Method, result.Backup = true, j.Method, j.Backup
	return result, nil
}

// abandon cleans up after a pair could not be put in place.
func (in *installer) abandon(j *journal, stage Stage, cause error) error {
	now, err := readDir(in.dir, in.paths)
	if err != nil || now.sums() != j.Old && j.explains(now.sums()) {
		// What was swapped could not be swapped back: the old pair is in what
		// would be removed.
		return in.fail(stage, StateInterrupted, errors.Join(cause, err))
	}
	return in.fail(stage, StateUntouched, errors.Join(cause, in.discard(j)))
}

// modesFit tells whether the files have the modes of an installed pair.
func (d files) modesFit() bool {
	return d.cert.info.Mode().Perm() == certMode && d.key.info.Mode().Perm()&^groupRead == keyMode
}

const (
	certMode  fs.FileMode = 0o644
	keyMode   fs.FileMode = 0o600
	groupRead fs.FileMode = 0o040
)

// replace stages the new pair and swaps it in, by exchange if that works and
// is not ruled out.
func (in *installer) replace(ctx context.Context, j *journal, old files, cert, key []byte) (Stage, error) {
	if j.Method == MethodExchange {
		stage, err := in.exchange(ctx, j, old, cert, key)
		if !errors.Is(err, errNoExchange) || in.opt.Method == MethodExchange {
			return stage, err
		}
		if err := in.discard(j); err != nil {
			return StageStage, err
		}
		j.Method = MethodRename
	}
	return in.rename(ctx, j, old, cert, key)
}

// errNoExchange says that the directory cannot be exchanged for a copy.
var errNoExchange = fmt.Errorf("the directory cannot be exchanged: %w", errors.ErrUnsupported)

// exchange swaps the whole directory.
func (in *installer) exchange(ctx context.Context, j *journal, old files, cert, key []byte) (Stage, error) {
	if err := in.write(j); err != nil {
		return StageStage, err
	}
	in.opt.step("journal")
	if err := in.stageDir(old, cert, key); err != nil {
		return StageStage, err
	}
	in.opt.step("staged")
	if err := in.readBack(in.staged, j.New); err != nil {
		return StageStage, err
	}
	if err := ctx.Err(); err != nil {
		return StageSwap, context.Cause(ctx)
	}
	if !j.HadDir {
		// A directory that appeared meanwhile is not empty, and stays.
		if err := os.Rename(in.staged, in.dir); err != nil {
			if errors.Is(err, fs.ErrExist) || errors.Is(err, syscall.ENOTEMPTY) {
				err = errors.Join(ErrChanged, err)
			}
			return StageSwap, err
		}
		in.opt.step("swapped")
		return StageSwap, atomicfile.SyncDir(in.parent)
	}
	if err := in.swapDirs(); err != nil {
		return StageSwap, err
	}
	in.opt.step("swapped")
	// What came out must be what was looked at: a check before the exchange
	// would leave a moment for another program's write to be lost.
	out, err := readDir(in.staged, in.paths)
	if err == nil && out.sums() != j.Old {
		err = ErrChanged
	}
	if err == nil {
		err = in.carry(in.staged)
	}
	if err != nil {
		if back := in.swapDirs(); back != nil {
			return StageSwap, errors.Join(err, back)
		}
		return StageSwap, errors.Join(err, in.carry(in.staged))
	}
	return StageSwap, nil
}

// swapDirs exchanges the directory and the staged one.
func (in *installer) swapDirs() error {
	done, err := atomicfile.Exchange(in.staged, in.dir)
	switch {
	case err == nil && done:
		// Both names are in the parent.
		return atomicfile.SyncDir(in.parent)
	case err == nil,
		errors.Is(err, syscall.EBUSY), // a mount point
		errors.Is(err, syscall.EXDEV): // a mount point, or the lower layer of an overlay
		return errors.Join(errNoExchange, err)
	}
	return err
}

// stageDir writes a directory that is the present one but for the pair.
func (in *installer) stageDir(old files, cert, key []byte) error {
	// The lock is held, so what is under the name is a killed predecessor's.
	if err := os.RemoveAll(in.staged); err != nil {
		return err
	}
	if err := os.Mkdir(in.staged, 0o700); err != nil {
		return err
	}
	if err := in.writePair(in.staged, old, cert, key); err != nil {
		return err
	}
	if old.dir == nil {
		if err := os.Chmod(in.staged, 0o755); err != nil {
			return err
		}
		return atomicfile.SyncDir(in.staged)
	}
	entries, err := os.ReadDir(in.dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if in.isPair(e.Name()) {
			continue
		}
		// Directories have no hard links, nor have files on another mount.
		if err := os.Link(filepath.Join(in.dir, e.Name()), filepath.Join(in.staged, e.Name())); err != nil {
			return errors.Join(errNoExchange, err)
		}
	}
	if err := copyDirMetadata(in.staged, in.dir); err != nil {
		return err
	}
	return atomicfile.SyncDir(in.staged)
}

func copyDirMetadata(dst, src string) error {
	s, err := os.Open(src)
	if err != nil {
		return err
	}
	defer s.Close()
	d, err := os.Open(dst)
	if err != nil {
		return err
	}
	defer d.Close()
	return atomicfile.CopyMetadata(d, s)
}

func (in *installer) isPair(name string) bool { return name == in.cert || name == in.key }

// writePair writes both files into a directory that nobody else can enter.
func (in *installer) writePair(dir string, old files, cert, key []byte) error {
	mode := keyMode
	if old.key.info != nil {
		mode |= old.key.info.Mode().Perm() & groupRead
	}
	for _, f := range []struct {
		name string
		data []byte
		mode fs.FileMode
		old  file
	}{{in.key, key, mode, old.key}, {in.cert, cert, certMode, old.cert}} {
		if err := in.writeFile(filepath.Join(dir, f.name), f.data, f.mode, f.old.info != nil, old.dir); err != nil {
			return err
		}
		in.opt.step("wrote " + f.name)
	}
	return nil
}

func (in *installer) writeFile(path string, data []byte, mode fs.FileMode, replaces bool, dir fs.FileInfo) error {
	if replaces {
		like, err := os.Open(filepath.Join(in.dir, filepath.Base(path)))
		if err != nil {
			return err
		}
		defer like.Close()
		return atomicfile.Create(path, data, like, mode)
	}
	if err := atomicfile.Create(path, data, nil, mode); err != nil || dir == nil {
		return err
	}
	return giveTo(path, dir)
}

// readBack reads what was staged through one handle of the directory: a full
// disk or a broken file system shows here and not in the server.
func (in *installer) readBack(dir string, want sums) error {
	d, err := readDir(dir, in.paths)
	if err != nil {
		return err
	}
	if p := Parse(d.cert.data, d.key.data); d.sums() != want || !p.matched {
		return fmt.Errorf("%s: %w: not what was written", dir, ErrIncomplete)
	}
	return nil
}

// carry brings into the directory what other programs put into the one that
// was taken out, between the reading of its entries and the exchange.
func (in *installer) carry(from string) error {
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if in.isPair(e.Name()) {
			continue
		}
		src, dst := filepath.Join(from, e.Name()), filepath.Join(in.dir, e.Name())
		was, err := os.Lstat(src)
		if err != nil {
			return err
		}
		is, err := os.Lstat(dst)
		switch {
		case err == nil && (os.SameFile(was, is) || !was.ModTime().After(is.ModTime())):
			continue
		case err != nil && !errors.Is(err, fs.ErrNotExist):
			return err
		}
		// A rename, as it may be a directory by now, and replaces a file.
		if err := os.Rename(src, dst); err != nil {
			return err
		}
	}
	return nil
}

// rename replaces the two files one after the other.
func (in *installer) rename(ctx context.Context, j *journal, old files, cert, key []byte) (Stage, error) {
	if err := in.write(j); err != nil {
		return StageStage, err
	}
	in.opt.step("journal")
	if !j.HadDir {
		if err := os.Mkdir(in.dir, 0o755); err != nil {
			return StageStage, err
		}
	}
	if err := in.keep(j, in.dir, old); err != nil {
		return StageStage, err
	}
	in.opt.step("backed up")
	// Within the directory: beside it may be another file system.
	inner := in.inner()
	if err := os.RemoveAll(inner); err != nil {
		return StageStage, err
	}
	if err := os.Mkdir(inner, 0o700); err != nil {
		return StageStage, err
	}
	if err := in.writePair(inner, old, cert, key); err != nil {
		return StageStage, err
	}
	if err := atomicfile.SyncDir(inner); err != nil {
		return StageStage, err
	}
	in.opt.step("staged")
	if err := in.readBack(inner, j.New); err != nil {
		return StageStage, err
	}
	if err := ctx.Err(); err != nil {
		return StageSwap, context.Cause(ctx)
	}
	now, err := readDir(in.dir, in.paths)
	if err == nil && now.sums() != j.Old {
		err = ErrChanged
	}
	if err != nil {
		return StageSwap, err
	}
	// Which of the two goes first makes no difference: until the second is
	// in place the pair does not match, and the journal heals that.
	for _, name := range []string{in.key, in.cert} {
		if err := os.Rename(filepath.Join(inner, name), filepath.Join(in.dir, name)); err != nil {
			return StageSwap, errors.Join(err, in.putBack(j))
		}
		in.opt.step("renamed " + name)
	}
	if err := atomicfile.SyncDir(in.dir); err != nil {
		return StageSwap, errors.Join(err, in.putBack(j))
	}
	in.opt.step("swapped")
	return StageSwap, nil
}

// inner is where MethodRename stages, and where [installer.putBack] does.
func (in *installer) inner() string { return filepath.Join(in.dir, ".new") }

// keep makes the backup from the files of a directory: by links, so that
// their inode numbers are not used again while nginx may remember them, or by
// copies where the backups are on another file system.
func (in *installer) keep(j *journal, from string, old files) error {
	if j.Backup == "" {
		return nil
	}
	dir := filepath.Join(in.backups, j.Backup)
	if err := in.mkBackups(); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	for _, f := range []struct {
		name string
		old  file
	}{{in.key, old.key}, {in.cert, old.cert}} {
		if f.old.info == nil {
			continue
		}
		src, dst := filepath.Join(from, f.name), filepath.Join(dir, f.name)
		err := os.Link(src, dst)
		if errors.Is(err, syscall.EXDEV) || errors.Is(err, errors.ErrUnsupported) || errors.Is(err, fs.ErrPermission) {
			err = copyFile(dst, src, f.old.data)
		}
		if err != nil {
			return err
		}
	}
	if err := atomicfile.SyncDir(dir); err != nil {
		return err
	}
	return atomicfile.SyncDir(in.backups)
}

func (in *installer) mkBackups() error {
	err := os.Mkdir(in.backups, 0o700)
	if err == nil {
		return atomicfile.SyncDir(in.parent)
	}
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	return err
}

func copyFile(dst, src string, data []byte) error {
	like, err := os.Open(src)
	if err != nil {
		return err
	}
	defer like.Close()
	return atomicfile.Create(dst, data, like, 0)
}

// use has the server load the pair in place and show it.
func (in *installer) use(ctx context.Context, p *Pair) (Stage, error) {
	if in.opt.Hook != nil {
		if err := in.opt.Hook(ctx, StageReload); err != nil {
			return StageReload, err
		}
		in.opt.step("reloaded")
	}
	if in.opt.Endpoint.Addr != "" {
		if err := awaitServed(ctx, in.opt.Endpoint, p.Fingerprint()); err != nil {
			return StageServed, err
		}
		in.opt.step("served")
	}
	return "", nil
}

// serves tells whether the pair, which is in place, is served already; true
// if nobody can be asked.
func (in *installer) serves(ctx context.Context, p *Pair) bool {
	if in.opt.Endpoint.Addr == "" {
		return true
	}
	s, err := dial(ctx, in.opt.Endpoint.Addr, in.opt.Endpoint.Name)
	return err == nil && s.Matches(p)
}

// restore puts the old pair back after the server did not take the new one.
func (in *installer) restore(ctx context.Context, j *journal, old files, stage Stage, cause error) error {
	// The caller may have given up, which is no reason to leave the host
	// with a pair that does not work.
	ctx = context.WithoutCancel(ctx)
	in.opt.step("failed")
	j.Goal = goalOld
	if err := errors.Join(in.write(j), in.putBack(j)); err != nil {
		return in.fail(stage, StateInterrupted, errors.Join(cause, err))
	}
	in.opt.step("put back")
	state, errs := StateRestored, []error{cause}
	if in.opt.Hook != nil {
		if err := in.opt.Hook(ctx, StageRestore); err != nil {
			state, errs = StateRestoredOnDisk, append(errs, fmt.Errorf("%s: %w", StageRestore, err))
		}
	}
	if was := Parse(old.cert.data, old.key.data); was.leaf != nil && in.opt.Endpoint.Addr != "" && state == StateRestored {
		if err := awaitServed(ctx, in.opt.Endpoint, was.Fingerprint()); err != nil {
			state, errs = StateRestoredOnDisk, append(errs, fmt.Errorf("%s: %w", StageRestore, err))
		}
	}
	errs = append(errs, in.discard(j))
	return in.fail(stage, state, errors.Join(errs...))
}

// finish files the old pair as a backup and ends the transaction.
func (in *installer) finish(j *journal) error {
	if j.Method == MethodExchange && j.HadDir {
		if err := in.fileAway(j); err != nil {
			return err
		}
		in.opt.step("filed")
	}
	return in.clear(j)
}

// fileAway makes the directory that was taken out the backup. It is renamed,
// not emptied, so that a program that has it open can go on reading.
func (in *installer) fileAway(j *journal) error {
	out, err := readDir(in.staged, in.paths)
	switch {
	case err != nil:
		return err
	case out.dir == nil: // filed before a crash
		return nil
	case j.Backup == "", out.sums() != j.Old:
		return os.RemoveAll(in.staged)
	}
	if err := in.mkBackups(); err != nil {
		return err
	}
	err = os.Rename(in.staged, filepath.Join(in.backups, j.Backup))
	if errors.Is(err, syscall.EXDEV) {
		if err := in.keep(j, in.staged, out); err != nil {
			return err
		}
		return os.RemoveAll(in.staged)
	}
	if err != nil {
		return err
	}
	return errors.Join(atomicfile.SyncDir(in.backups), atomicfile.SyncDir(in.parent))
}

// prune removes the oldest backups beyond the limit.
func (in *installer) prune() error {
	keep := in.opt.Keep
	switch {
	case keep < 0:
		return nil
	case keep == 0:
		keep = defaultKeep
	}
	ids, err := in.backupIDs()
	if err != nil || len(ids) <= keep {
		return err
	}
	for _, id := range ids[:len(ids)-keep] {
		if err := os.RemoveAll(filepath.Join(in.backups, id)); err != nil {
			return err
		}
	}
	return nil
}

const defaultKeep = 5
