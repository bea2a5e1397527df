package main

import (
	"context"
	"errors"
	"flag"
	"maps"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/hubhost/hubhost/examples/internal/site"
	"github.com/hubhost/hubhost/internal/cli"
	"github.com/hubhost/hubhost/spawnercfg"
)

func drift(f *flag.FlagSet) cli.Run {
	h := hostFlags(f)
	asJSON := f.Bool("json", false, "write JSON")
	return func(ctx context.Context, out *cli.IO, _ []string) error {
		if h.remote != "" {
			return cli.Usage("drift reads the hub's configuration and accounts: run it there")
		}
		file, err := spawnercfg.ReadFile(h.names.Config, filepath.Dir(h.names.Config))
		if err != nil {
			return err
		}
		manager, err := h.connect(ctx)
		if err != nil {
			return err
		}
		defer manager.Close()
		paths, err := h.paths(ctx, manager)
		if err != nil {
			return err
		}
		found := []site.Finding{}
		for _, unit := range slices.Sorted(maps.Values(paths)) {
			name, _ := h.names.User(unit)
			account, err := lookup(name)
			if err != nil {
				return err
			}
			foretold, err := spawnercfg.Predict(file.Settings(), account, spawnercfg.Hub{})
			if err != nil {
				return err
			}
			reported, err := manager.Properties(ctx, unit)
			if err != nil {
				return err
			}
			for _, finding := range spawnercfg.Drift(foretold, reported) {
				one := site.FromConfig(finding)
				one.Option = unit + " " + one.Option
				found = append(found, one)
			}
		}
		if *asJSON {
			if err := out.JSON(found); err != nil {
				return err
			}
		} else {
			site.Show(out, h.names.Config, found)
			if len(found) == 0 {
				out.Printf("%d sessions run as the configuration says", len(paths))
			}
		}
		if len(found) > 0 {
			return cli.ErrFinding
		}
		return nil
	}
}

// lookup returns what the machine knows of a user. The number that the hub's
// database has for the user is not known here.
func lookup(name string) (spawnercfg.User, error) {
	u := spawnercfg.User{Name: name}
	account, err := user.Lookup(name)
	if _, unknown := errors.AsType[user.UnknownUserError](err); unknown {
		return u, nil
	}
	if err != nil {
		return u, err
	}
	uid, err := strconv.ParseUint(account.Uid, 10, 32)
	if err != nil {
		return u, err
	}
	gid, err := strconv.ParseUint(account.Gid, 10, 32)
	if err != nil {
		return u, err
	}
	u.UnixName, u.UID, u.GID, u.Home = account.Username, uint32(uid), uint32(gid), account.HomeDir
	return u, nil
}
