package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// customize finishes the tree at root and writes the image's files. It runs
// as root, or as the root of mmdebstrap's user namespace, in a mount
// namespace of its own.
func customize(ctx context.Context, work, root string) error {
	for _, step := range []func(context.Context, string, string) error{
		addFiles, addUsers, addHub, addUnits, trim, writeKernel, writeDisk,
	} {
		if err := step(ctx, work, root); err != nil {
			return err
		}
	}
	return nil
}

func addFiles(_ context.Context, _, root string) error {
	return fs.WalkDir(rootfs, "image", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		dst := filepath.Join(root, strings.TrimPrefix(path, "image"))
		if d.IsDir() {
			return os.MkdirAll(dst, 0o755)
		}
		text, err := rootfs.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(dst, text, 0o644)
	})
}

func addUsers(ctx context.Context, _, root string) error {
	for i, u := range users {
		args := []string{root, "useradd", "--create-home", "--shell=/bin/bash",
			"--uid=" + strconv.Itoa(1001+i), "--groups=" + u.groups, u.name}
		if err := run(ctx, "chroot", args...); err != nil {
			return err
		}
	}
	return nil
}

// addHub makes the virtual environment from the wheels, without a network.
func addHub(ctx context.Context, work, root string) error {
	const inside = "/tmp/wheels"
	wheels := filepath.Join(root, inside)
	if err := os.CopyFS(wheels, os.DirFS(filepath.Join(work, "wheels"))); err != nil {
		return err
	}
	defer os.RemoveAll(wheels)
	if err := run(ctx, "chroot", root, "python3", "-m", "venv", "/opt/jupyterhub"); err != nil {
		return err
	}
	if err := run(ctx, "chroot", root, "/opt/jupyterhub/bin/python", "-m", "pip", "--isolated", "install",
		"--quiet", "--disable-pip-version-check", "--no-index", "--find-links="+inside,
		"--require-hashes", "--requirement="+inside+"/requirements.txt"); err != nil {
		return err
	}
	for _, dir := range []string{"opt/jupyterhub/etc/jupyterhub", "opt/jupyterhub/certs"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			return err
		}
	}
	return nil
}

// addUnits chooses what starts at boot.
func addUnits(ctx context.Context, _, root string) error {
	if err := run(ctx, "chroot", root, "systemctl", "enable",
		"hubhost-files.service", "hubhost-live.service", "jupyterhub.service", "jupyterhub-proxy.service", "nginx.service"); err != nil {
		return err
	}
	mask := []string{root, "systemctl", "mask",
		"serial-getty@ttyS0.service", "getty@tty1.service", // the console carries the boot's messages
		"apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer", "e2scrub_all.timer", "fstrim.timer",
	}
	return run(ctx, "chroot", mask...)
}

// trim removes what a host that installs nothing has no use for.
func trim(_ context.Context, _, root string) error {
	for _, pattern := range []string{
		"etc/nginx/sites-enabled/default", // listens in the hub's place
		"etc/resolv.conf",
		"var/cache/apt/*.bin", "var/cache/apt/archives/*.deb", "var/lib/apt/lists/*",
	} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			return err
		}
		for _, path := range found {
			if err := os.RemoveAll(path); err != nil {
				return err
			}
		}
	}
	return nil
}

// writeKernel copies out what QEMU boots from.
func writeKernel(_ context.Context, work, root string) error {
	for name, pattern := range map[string]string{kernelFile: "vmlinuz-*", initrdFile: "initrd.img-*"} {
		found, err := filepath.Glob(filepath.Join(root, "boot", pattern))
		if err != nil {
			return err
		}
		if len(found) != 1 {
			return fmt.Errorf("the image has %d files boot/%s", len(found), pattern)
		}
		if err := copyFile(filepath.Join(work, "out", name), found[0], 0o644); err != nil {
			return err
		}
	}
	return nil
}

// writeDisk makes the file system. mmdebstrap has /proc, /sys and /dev
// mounted in the tree at this point: a second, bare view of it leaves them
// out.
func writeDisk(ctx context.Context, work, root string) (err error) {
	view := filepath.Join(root, "mnt")
	if err := syscall.Mount(root, view, "", syscall.MS_BIND, ""); err != nil {
		return fmt.Errorf("bind %s: %w", root, err)
	}
	defer func() { err = errors.Join(err, syscall.Unmount(view, syscall.MNT_DETACH)) }()
	return run(ctx, "mke2fs", "-q", "-t", "ext4", "-F", "-L", "root",
		"-E", "root_owner=0:0", "-d", view, filepath.Join(work, "out", diskFile))
}
