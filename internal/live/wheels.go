package main

import (
	"context"
	"os"
	"path/filepath"
)

// downloadWheels fetches the pinned wheels for the image's Python into dir.
// The host's Python may be another: pip is told which one they are for, and
// builds nothing.
func downloadWheels(ctx context.Context, r release, dir string) error {
	list := filepath.Join(dir, "requirements.txt")
	if err := os.WriteFile(list, []byte(requirements), 0o644); err != nil {
		return err
	}
	args := append([]string{"-m", "pip", "download", "--quiet", "--disable-pip-version-check",
		"--require-hashes", "--no-deps", "--requirement", list, "--dest", dir}, wheelTags(r)...)
	return run(ctx, "python3", args...)
}

// wheelTags are pip's options that choose wheels which the release's Python
// and C library can load.
func wheelTags(r release) []string {
	return []string{"--only-binary=:all:", "--implementation=cp", "--python-version=" + r.python,
		"--platform=manylinux_2_28_x86_64", "--platform=manylinux_2_17_x86_64", "--platform=manylinux2014_x86_64"}
}
