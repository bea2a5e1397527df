package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Image is a built host, ready to boot. Nothing writes to its files again.
type image struct {
	disk, kernel, initrd string
}

// The files of an image's directory.
const (
	diskFile   = "disk.ext4"
	kernelFile = "vmlinuz"
	initrdFile = "initrd.img"
)

// customizeEnv, when it is set, makes this program mmdebstrap's customize
// hook: its value is the working directory of the build.
const customizeEnv = "HUBHOST_LIVE_CUSTOMIZE"

// diskSize is the size of the root file system. It is sparse: what is not
// used takes no room.
const diskSize = 4 << 30

// provideImage returns the release's image, from the cache if it is there.
func provideImage(ctx context.Context, r release, rebuild bool) (image, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return image{}, err
	}
	cache = filepath.Join(cache, "hubhost-live")
	hash, err := r.hash()
	if err != nil {
		return image{}, err
	}
	name := r.name + "-" + hash
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return image{}, err
	}
	unlock, err := lock(filepath.Join(cache, r.name+".lock"))
	if err != nil {
		return image{}, err
	}
	defer unlock()

	dir := filepath.Join(cache, name)
	img := image{filepath.Join(dir, diskFile), filepath.Join(dir, kernelFile), filepath.Join(dir, initrdFile)}
	if _, err := os.Stat(dir); err == nil && !rebuild {
		say("image %s: cached", name)
		return img, nil
	}
	say("image %s: building, which takes minutes", name)
	start := time.Now()
	fresh, err := os.MkdirTemp(cache, "building-")
	if err != nil {
		return image{}, err
	}
	defer os.RemoveAll(fresh)
	if err := buildImage(ctx, r, fresh); err != nil {
		return image{}, err
	}
	if err := os.RemoveAll(dir); err != nil {
		return image{}, err
	}
	if err := os.Rename(fresh, dir); err != nil {
		return image{}, err
	}
	say("image %s: built in %.0f s", name, time.Since(start).Seconds())
	return img, dropOthers(cache, r, name)
}

// dropOthers removes the images that other recipes made for the release.
func dropOthers(cache string, r release, keep string) error {
	old, err := filepath.Glob(filepath.Join(cache, r.name+"-*"))
	if err != nil {
		return err
	}
	var errs []error
	for _, dir := range old {
		if filepath.Base(dir) != keep {
			errs = append(errs, os.RemoveAll(dir))
		}
	}
	return errors.Join(errs...)
}

// buildImage makes the files of an image in dst. mmdebstrap makes the tree
// and, before it discards it, hands it to [customize], which is this program
// again: run by path and without a shell.
func buildImage(ctx context.Context, r release, dst string) error {
	// Without root the builder is another user to the file system, whom the
	// cache directory may be closed to.
	work, err := os.MkdirTemp(workDir(), "hubhost-live-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	self, err := os.Executable()
	if err != nil {
		return err
	}
	hook := filepath.Join(work, "customize")
	wheels := filepath.Join(work, "wheels")
	out := filepath.Join(work, "out")
	for _, err := range []error{
		os.Chmod(work, 0o755),
		os.Mkdir(wheels, 0o755),
		os.Mkdir(out, 0o755),
		os.Chmod(out, 0o777),
		copyFile(hook, self, 0o755),
		copyFile(filepath.Join(out, diskFile), os.DevNull, 0o666),
		os.Chmod(filepath.Join(out, diskFile), 0o666),
		os.Truncate(filepath.Join(out, diskFile), diskSize),
	} {
		if err != nil {
			return err
		}
	}
	say("fetching wheels for Python %s", r.python)
	if err := downloadWheels(ctx, r, wheels); err != nil {
		return err
	}
	say("running mmdebstrap")
	mode := "unshare"
	if os.Geteuid() == 0 {
		mode = "root"
	}
	cmd := command(ctx, "mmdebstrap", "--mode="+mode, "--variant=apt", "--quiet",
		"--dpkgopt=force-unsafe-io",
		"--dpkgopt=path-exclude=/usr/share/doc/*",
		"--dpkgopt=path-exclude=/usr/share/locale/*",
		"--dpkgopt=path-exclude=/usr/share/man/*",
		"--include="+strings.Join(packages, ","),
		"--customize-hook="+hook,
		r.name, "/dev/null")
	cmd.Env = append(os.Environ(), customizeEnv+"="+work, "TMPDIR="+workDir())
	if err := runCmd(cmd); err != nil {
		return err
	}
	for _, name := range []string{diskFile, kernelFile, initrdFile} {
		if err := copyFile(filepath.Join(dst, name), filepath.Join(out, name), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// workDir is where large temporary files go: /tmp may be in memory.
func workDir() string {
	if dir := os.Getenv("TMPDIR"); dir != "" {
		return dir
	}
	return "/var/tmp"
}

// lock waits until no other process builds the release's image.
func lock(path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		f.Close()
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return func() { f.Close() }, nil
}

// copyFile copies a file and leaves holes where the source has only zeros.
func copyFile(dst, src string, mode fs.FileMode) error {
	in, err := os.Open(src)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(dst, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	defer out.Close()
	var size int64
	buf, zeros := make([]byte, 64<<10), make([]byte, 64<<10)
	for {
		n, err := io.ReadFull(in, buf)
		if n > 0 && string(buf[:n]) != string(zeros[:n]) {
			if _, err := out.WriteAt(buf[:n], size); err != nil {
				return err
			}
		}
		size += int64(n)
		switch {
		case err == io.EOF || err == io.ErrUnexpectedEOF:
			if err := out.Truncate(size); err != nil {
				return err
			}
			return out.Close()
		case err != nil:
			return err
		}
	}
}
