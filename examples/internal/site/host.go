package site

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/hubhost/hubhost/spawnercfg"
	"github.com/hubhost/hubhost/units"
)

// Connect connects to the systemd of this machine, or of another one that ssh
// reaches.
func Connect(ctx context.Context, remote string) (*units.Manager, error) {
	// The variable by which systemctl too is shown another bus.
	config := units.Config{Address: os.Getenv("DBUS_SYSTEM_BUS_ADDRESS")}
	if remote != "" {
		config.Dial = units.SSH(remote)
	}
	manager, err := units.Connect(ctx, &config)
	switch {
	case err == nil || !errors.Is(err, units.ErrNoManager):
		return manager, err
	case remote != "":
		return nil, fmt.Errorf("%w; does ssh reach it, and has it systemd?", err)
	}
	return nil, fmt.Errorf("%w; run it on the hub's host, where systemd runs", err)
}

// Explained adds to the error of a job that failed what systemd knows of its
// unit.
func Explained(ctx context.Context, manager *units.Manager, unit string, err error) error {
	if _, failed := errors.AsType[*units.JobError](err); failed {
		if st, statusErr := manager.Status(ctx, unit); statusErr == nil {
			return fmt.Errorf("%w: %s", err, units.Explain(st))
		}
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%w; systemd goes on with it: wait longer by --timeout", err)
	}
	return err
}

// ReadFile reads a configuration file. Relative names in it are taken from
// its own folder, where the hub's unit usually runs.
func ReadFile(path string) (*spawnercfg.File, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	return spawnercfg.ReadFile(path, filepath.Dir(path))
}

// ReadConfig reads the hub's configuration.
func ReadConfig(path string) (*spawnercfg.File, error) {
	file, err := ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("the hub's configuration %s: %w; where is it? --config FILE", path, fs.ErrNotExist)
	}
	return file, err
}

// Account is what this machine knows of the Unix account of a user; known is
// false, and the result has the name only, if there is none. The number that
// the hub's database has for the user is not known here.
func Account(name, unixName string) (u spawnercfg.User, known bool, err error) {
	u = spawnercfg.User{Name: name}
	account, err := user.Lookup(unixName)
	if _, unknown := errors.AsType[user.UnknownUserError](err); unknown {
		return u, false, nil
	}
	if err != nil {
		return u, false, err
	}
	uid, err := strconv.ParseUint(account.Uid, 10, 32)
	if err != nil {
		return u, false, err
	}
	gid, err := strconv.ParseUint(account.Gid, 10, 32)
	if err != nil {
		return u, false, err
	}
	u.UnixName, u.UID, u.GID, u.Home = account.Username, uint32(uid), uint32(gid), account.HomeDir
	return u, true, nil
}

// Hub is the hub's process. Its programs are looked for on this machine; what
// is not here is taken to be where a standard install has it.
func Hub() spawnercfg.Hub {
	bin := filepath.Dir(Python)
	return spawnercfg.Hub{
		Environment: map[string]string{"PATH": bin + ":" + os.Getenv("PATH"), "SHELL": "/bin/bash"},
		LookPath: func(command, path string) string {
			for _, dir := range filepath.SplitList(path) {
				if found, err := exec.LookPath(filepath.Join(dir, command)); err == nil && filepath.IsAbs(found) {
					return found
				}
			}
			return filepath.Join(bin, command)
		},
	}
}

// Running returns the units of the sessions that run, by name.
func (n *Names) Running(ctx context.Context, manager *units.Manager) (sessions []string, err error) {
	pattern, err := n.Pattern()
	if err != nil {
		return nil, err
	}
	active, err := manager.List(ctx, units.Filter{Patterns: []string{pattern}, States: []string{"active"}})
	for _, u := range active {
		if _, ok := n.User(u.Name); ok {
			sessions = append(sessions, u.Name)
		}
	}
	return sessions, err
}

// AtRestart says what becomes of the sessions that run when the hub is
// restarted, and whether any of them may end. What the hub does when it stops
// is in the configuration that it was started with; nil: that is not known.
func (n *Names) AtRestart(ctx context.Context, manager *units.Manager, config *spawnercfg.File) (text string, end bool, err error) {
	running, err := n.Running(ctx, manager)
	if err != nil {
		return "", false, err
	}
	var users []string
	for _, unit := range running {
		user, _ := n.User(unit)
		users = append(users, user)
	}
	if len(users) == 0 {
		return "no sessions run", false, nil
	}
	end = true
	one, more, why := "ends with the hub", "end with the hub", "because cleanup_servers is not set to False"
	if config == nil {
		why = "unless cleanup_servers is False in its configuration"
	} else {
		cleanup := config.Read("JupyterHub", "cleanup_servers")
		on, isBool := cleanup.Value.Bool()
		switch {
		case cleanup.Certainty == spawnercfg.Certain && isBool && !on:
			end, one, more, why = false, "goes on", "go on", "because cleanup_servers is False"
		case cleanup.Certainty == spawnercfg.NotCertain:
			one, more, why = "may end with the hub", "may end with the hub", "because cleanup_servers is not certain"
		}
	}
	return fmt.Sprintf("%s, %s: %s", Sessions(len(users), one, more), why, strings.Join(users, ", ")), end, nil
}
