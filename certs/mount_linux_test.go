package certs_test

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"golang.org/x/sys/unix"

	"github.com/hubhost/hubhost/certs"
	"github.com/hubhost/hubhost/internal/testenv"
)

// inMountNamespace runs f on a thread with a mount namespace of its own,
// which ends with it.
func inMountNamespace(t *testing.T, f func()) {
	t.Helper()
	testenv.Root(t)
	var wg sync.WaitGroup
	wg.Go(func() {
		runtime.LockOSThread() // and never unlock: the thread is thrown away
		if assert.NoError(t, unix.Unshare(unix.CLONE_NEWNS)) && assert.NoError(t, unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "")) {
			f()
		}
	})
	wg.Wait()
}

// TestInstallOnMountPoint is that of a container: the certificate directory
// is mounted into it, and cannot be exchanged.
func TestInstallOnMountPoint(t *testing.T) {
	a, b := twoPairs(t)
	inMountNamespace(t, func() {
		dir := t.TempDir()
		target := certs.Target{Dir: filepath.Join(dir, "certs")}
		if !assert.NoError(t, os.Mkdir(target.Dir, 0o755)) || !assert.NoError(t, unix.Mount("tmpfs", target.Dir, "tmpfs", 0, "")) {
			return
		}
		for i, p := range []*certs.Pair{a, b, a} {
			result, err := target.Install(t.Context(), p, certs.Options{})
			if !assert.NoError(t, err) {
				return
			}
			assert.Equal(t, certs.MethodRename, result.Method)
			got, err := target.Load()
			assert.NoError(t, err)
			assert.Equal(t, p.Fingerprint(), got.Fingerprint())
			backups, err := target.Backups() // on another file system: copies
			assert.NoError(t, err)
			assert.Len(t, backups, i)
		}
		_, err := target.Rollback(t.Context(), "", certs.Options{})
		assert.NoError(t, err)
		got, err := target.Load()
		assert.NoError(t, err)
		assert.Equal(t, b.Fingerprint(), got.Fingerprint())
		_, err = target.Install(t.Context(), a, certs.Options{Method: certs.MethodExchange})
		assert.ErrorIs(t, err, unix.EBUSY)
		assert.ErrorIs(t, err, errors.ErrUnsupported)
		entries, err := os.ReadDir(target.Dir)
		assert.NoError(t, err)
		assert.Len(t, entries, 2)
	})
}

// TestInstallOnOverlay is that of an image: the directory comes from a lower
// layer.
func TestInstallOnOverlay(t *testing.T) {
	a, b := twoPairs(t)
	inMountNamespace(t, func() {
		base := t.TempDir()
		if !assert.NoError(t, unix.Mount("tmpfs", base, "tmpfs", 0, "")) {
			return
		}
		for _, d := range []string{"lower", "upper", "work", "merged"} {
			assert.NoError(t, os.Mkdir(filepath.Join(base, d), 0o755))
		}
		_, err := certs.Target{Dir: base + "/lower/certs"}.Install(t.Context(), a, certs.Options{})
		assert.NoError(t, err)
		opts := "lowerdir=" + base + "/lower,upperdir=" + base + "/upper,workdir=" + base + "/work"
		if !assert.NoError(t, unix.Mount("overlay", base+"/merged", "overlay", 0, opts)) {
			return
		}
		target := certs.Target{Dir: base + "/merged/certs"}
		result, err := target.Install(t.Context(), b, certs.Options{})
		if !assert.NoError(t, err) {
			return
		}
		assert.Equal(t, certs.MethodRename, result.Method)
		got, err := target.Load()
		assert.NoError(t, err)
		assert.Equal(t, b.Fingerprint(), got.Fingerprint())
	})
}

// TestFullDisk fails an installation for lack of space: the old pair stays.
func TestFullDisk(t *testing.T) {
	a, b := twoPairs(t)
	inMountNamespace(t, func() {
		base := t.TempDir()
		if !assert.NoError(t, unix.Mount("tmpfs", base, "tmpfs", 0, "size=64k")) {
			return
		}
		target := certs.Target{Dir: base + "/certs"}
		_, err := target.Install(t.Context(), a, certs.Options{})
		assert.NoError(t, err)
		for _, method := range methods {
			// A page less each time: the disk is full at one step after another.
			full := 0
			for pages := 12; pages >= 0; pages-- {
				os.Remove(base + "/fill")
				assert.NoError(t, os.WriteFile(base+"/fill", make([]byte, pages*4096), 0o600))
				p := []*certs.Pair{a, b}[pages%2]
				before, err := target.Load()
				assert.NoError(t, err)
				_, err = target.Install(t.Context(), p, certs.Options{Method: method, Keep: 1})
				want := p
				if err != nil {
					assert.ErrorIs(t, err, unix.ENOSPC)
					want = before
					full++
				}
				got, err := target.Load()
				assert.NoError(t, err)
				assert.Equal(t, want.Fingerprint(), got.Fingerprint())
				_, err = got.TLS()
				assert.NoError(t, err)
			}
			assert.NotZero(t, full, method)
		}
		os.Remove(base + "/fill")
		_, err = target.Install(t.Context(), b, certs.Options{})
		assert.NoError(t, err)
		entries, err := os.ReadDir(base)
		assert.NoError(t, err)
		assert.Len(t, entries, 3) // the directory, its backups, the lock
	})
}
