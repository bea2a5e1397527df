package main

import (
	"context"
	"encoding/json"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/hubhost/hubhost/internal/live/wire"
)

// payloadSlack is the room that the payload disk has beside its content, in
// bytes: tests write next to their data.
const payloadSlack = 256 << 20

// writePayload makes the second disk: what differs from run to run.
func writePayload(ctx context.Context, root, disk string, plan wire.Plan, packages []testPackage) error {
	dir, err := os.MkdirTemp(filepath.Dir(disk), "payload-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	inside := func(elem ...string) string {
		return filepath.Join(dir, strings.TrimPrefix(path.Join(elem...), "/payload"))
	}
	for _, d := range []string{wire.SrcDir, wire.BinDir, wire.RootDir} {
		if err := os.MkdirAll(inside(d), 0o755); err != nil {
			return err
		}
	}
	if err := build(ctx, root, inside(wire.BinDir, "guest"), "./internal/live/guest"); err != nil {
		return err
	}
	for _, p := range packages {
		dst := inside(wire.SrcDir, p.dir)
		if err := os.MkdirAll(dst, 0o755); err != nil {
			return err
		}
		cmd := command(ctx, "go", "test", "-c", "-ldflags=-w", "-o", filepath.Join(dst, wire.TestBinary), p.path)
		cmd.Dir, cmd.Env = root, guestEnv()
		if err := runCmd(cmd); err != nil {
			return err
		}
		data := filepath.Join(root, filepath.FromSlash(p.dir), "testdata")
		if _, err := os.Stat(data); err == nil {
			if err := os.CopyFS(filepath.Join(dst, "testdata"), os.DirFS(data)); err != nil {
				return err
			}
		}
	}
	if err := buildExamples(ctx, root, inside(wire.RootDir, "usr/local/bin")); err != nil {
		return err
	}
	if err := writeHubFiles(inside(wire.RootDir)); err != nil {
		return err
	}
	text, err := json.MarshalIndent(plan, "", "\t")
	if err != nil {
		return err
	}
	if err := os.WriteFile(inside(wire.PlanFile), text, 0o644); err != nil {
		return err
	}
	return writeExt4(ctx, disk, dir)
}

// buildExamples builds the module's own programs: the live tests run them as
// an administrator would.
func buildExamples(ctx context.Context, root, dst string) error {
	if _, err := os.Stat(filepath.Join(root, "examples")); err != nil {
		return nil
	}
	programs, err := goList(ctx, root, "./examples/...")
	if err != nil {
		return err
	}
	for _, p := range programs {
		if p.Name != "main" {
			continue
		}
		if err := build(ctx, root, filepath.Join(dst, path.Base(p.ImportPath)), p.ImportPath); err != nil {
			return err
		}
	}
	return nil
}

func build(ctx context.Context, root, dst, pkg string) error {
	cmd := command(ctx, "go", "build", "-ldflags=-w", "-o", dst, pkg)
	cmd.Dir, cmd.Env = root, guestEnv()
	return runCmd(cmd)
}

// writeExt4 makes a file system with the content of dir, which need not be
// root's: the guest sees everything as root's.
func writeExt4(ctx context.Context, disk, dir string) error {
	size := int64(payloadSlack)
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		size += info.Size() + 4096
		return err
	})
	if err != nil {
		return err
	}
	f, err := os.OpenFile(disk, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if err := f.Truncate(size); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return run(ctx, "mke2fs", "-q", "-t", "ext4", "-F", "-L", "payload", "-E", "root_owner=0:0", "-d", dir, disk)
}
