package main

import (
	"context"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// image is a built host, ready to boot. Nothing writes to its files again.
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
