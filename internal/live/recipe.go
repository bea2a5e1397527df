package main

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
)

// release is a Debian release that the tier can boot.
type release struct {
	name   string
	python string // the version of its Python, which chooses the wheels
}

var releases = map[string]release{
	"bookworm": {name: "bookworm", python: "3.11"},
	"trixie":   {name: "trixie", python: "3.13"},
}

// packages are the Debian packages of the image, beside the essential ones.
var packages = []string{
	"linux-image-cloud-amd64", "systemd", "systemd-sysv", "libpam-systemd", "udev", "kmod", "dbus",
	"nginx-light", "node-configurable-http-proxy", "python3", "python3-venv",
	"acl", "ca-certificates", "curl", "iproute2", "login", "openssl", "passwd", "procps", "sudo",
}

// users are the people of the host; their uids count from 1001.
var users = []struct{ name, groups string }{
	{"alice", ""}, {"bob", ""}, {"carol", ""},
	{"ada", "adm"}, // may read the system's journal
	{"eve", ""},    // may not
}

// rootfs holds the files that the image has beside those of its packages.
//
//go:embed image
var rootfs embed.FS

//go:embed requirements.txt
var requirements string

// sources are what an image depends on beside its release: a change to any of
// them makes another image.
//
//go:embed image requirements.txt recipe.go customize_linux.go image.go wheels.go
var sources embed.FS

// hash names the image that the recipe makes.
func (r release) hash() (string, error) {
	h := sha256.New()
	fmt.Fprintf(h, "%q\n", r)
	err := fs.WalkDir(sources, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := sources.ReadFile(path)
		if err != nil {
			return err
		}
		fmt.Fprintf(h, "%q %d\n", path, len(text))
		h.Write(text)
		return nil
	})
	return hex.EncodeToString(h.Sum(nil))[:16], err
}
