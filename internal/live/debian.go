package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
)

// tools are the commands of the host that the tier runs, with the Debian
// package that has each.
var tools = []struct{ command, pkg string }{
	{"mmdebstrap", "mmdebstrap"},
	{"mke2fs", "e2fsprogs"},
	{"qemu-system-x86_64", "qemu-system-x86"},
	{"qemu-img", "qemu-utils"},
}

// keyring is what mmdebstrap trusts Debian's archive by.
const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"

// provideTools installs what the host lacks, when that is ours to do: as root
// on a machine with apt-get. Otherwise its error is the command to type.
func provideTools(ctx context.Context) error {
	missing := missingPackages(ctx)
	if len(missing) == 0 {
		return nil
	}
	install := append([]string{"install", "--yes", "--no-install-recommends"}, missing...)
	if _, err := lookPath("apt-get"); err != nil {
		return errors.New("needs the Debian packages " + strings.Join(missing, " "))
	}
	if os.Geteuid() != 0 {
		return errors.New("needs: sudo apt-get " + strings.Join(install, " "))
	}
	say("installing %s", strings.Join(missing, " "))
	for _, args := range [][]string{{"update"}, install} {
		cmd := command(ctx, "apt-get", args...)
		cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
		if err := runCmd(cmd); err != nil {
			return err
		}
	}
	if missing := missingPackages(ctx); len(missing) != 0 {
		return fmt.Errorf("installed, and yet missing: %s", strings.Join(missing, " "))
	}
	return nil
}

func missingPackages(ctx context.Context) []string {
	var missing []string
	lacks := func(pkg string) {
		if !slices.Contains(missing, pkg) {
			missing = append(missing, pkg)
		}
	}
	for _, t := range tools {
		if _, err := lookPath(t.command); err != nil {
			lacks(t.pkg)
		}
	}
	if _, err := os.Stat(keyring); err != nil {
		lacks("debian-archive-keyring")
	}
	if run(ctx, "python3", "-m", "pip", "--version") != nil {
		lacks("python3-pip")
	}
	// Without root, mmdebstrap builds in a user namespace, whose map of users
	// these two write.
	if os.Geteuid() != 0 {
		if _, err := lookPath("newuidmap"); err != nil {
			lacks("uidmap")
		}
	}
	return missing
}
