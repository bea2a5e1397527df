package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// requirementsIn is what an administrator would install; the rest follows.
//
//go:embed requirements.in
var requirementsIn []byte

// pin resolves requirements.in and writes requirements.txt. One list serves
// every release: the oldest Python chooses the versions, each Python adds the
// hashes of its wheels.
func pin(ctx context.Context, root string) error {
	dir, err := os.MkdirTemp(workDir(), "hubhost-live-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	direct := filepath.Join(dir, "requirements.in")
	if err := os.WriteFile(direct, requirementsIn, 0o644); err != nil {
		return err
	}
	chosen, err := resolve(ctx, releases["bookworm"], "--requirement="+direct)
	if err != nil {
		return err
	}
	versions := slices.Sorted(maps.Keys(chosen))
	for _, r := range releases {
		wheels, err := resolve(ctx, r, append([]string{"--no-deps"}, versions...)...)
		if err != nil {
			return err
		}
		for version, hashes := range wheels {
			chosen[version] = append(chosen[version], hashes...)
		}
	}
	var text strings.Builder
	text.WriteString("# Written by `go run ./internal/live -pins` from requirements.in.\n")
	for _, version := range versions {
		text.WriteString(version)
		slices.Sort(chosen[version])
		for _, hash := range slices.Compact(chosen[version]) {
			text.WriteString(" \\\n    --hash=sha256:" + hash)
		}
		text.WriteString("\n")
	}
	return os.WriteFile(filepath.Join(root, "internal/live/requirements.txt"), []byte(text.String()), 0o644)
}

// resolve asks pip which wheels the release's Python would get: "name==version"
// to hashes.
func resolve(ctx context.Context, r release, args ...string) (map[string][]string, error) {
	args = append([]string{"-m", "pip", "install", "--quiet", "--disable-pip-version-check",
		"--dry-run", "--ignore-installed", "--report=-", "--target=" + os.TempDir()}, args...)
	out, err := outputOf(command(ctx, "python3", append(args, wheelTags(r)...)...))
	if err != nil {
		return nil, err
	}
	var report struct {
		Install []struct {
			Metadata     struct{ Name, Version string }
			DownloadInfo struct {
				ArchiveInfo struct {
					Hashes struct{ SHA256 string }
				} `json:"archive_info"`
			} `json:"download_info"`
		}
	}
	if err := json.Unmarshal([]byte(out), &report); err != nil {
		return nil, fmt.Errorf("pip's report: %w", err)
	}
	wheels := map[string][]string{}
	for _, p := range report.Install {
		name := strings.ToLower(separators.ReplaceAllString(p.Metadata.Name, "-"))
		version := name + "==" + p.Metadata.Version
		wheels[version] = append(wheels[version], p.DownloadInfo.ArchiveInfo.Hashes.SHA256)
	}
	return wheels, nil
}

// separators are the characters that Python's package names do not tell apart.
var separators = regexp.MustCompile(`[-_.]+`)
