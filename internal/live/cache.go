package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

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
		now := time.Now()
		return img, os.Chtimes(dir, now, now)
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
	return img, dropUnused(cache)
}

// unused is how long an image is kept that no run has used.
const unused = 7 * 24 * time.Hour

// dropUnused removes the images of old recipes. Those of other branches and
// worktrees, still in use, stay.
func dropUnused(cache string) error {
	entries, err := os.ReadDir(cache)
	if err != nil {
		return err
	}
	var errs []error
	for _, e := range entries {
		info, err := e.Info()
		if err == nil && e.IsDir() && time.Since(info.ModTime()) > unused {
			err = os.RemoveAll(filepath.Join(cache, e.Name()))
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
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
