package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/hubhost/hubhost/internal/cli"
	"github.com/hubhost/hubhost/spawnercfg"
	"github.com/hubhost/hubhost/spawnercfg/pyvalue"
)

// configure says in Go what the hub reads in Python.
func configure(_ context.Context, g *guide) error {
	options := spawnercfg.Options{
		JupyterHub: spawnercfg.JupyterHub{
			SpawnerClass:   spawnercfg.Set("systemd"),
			CleanupServers: spawnercfg.Set(false), // sessions outlive a restart of the hub
			TornadoSettings: spawnercfg.Set(spawnercfg.TornadoSettings{
				Headers: spawnercfg.RecommendedHeaders(),
			}),
		},
		SystemdSpawner: spawnercfg.SystemdSpawner{
			MemLimit:         spawnercfg.Set(2 * spawnercfg.GiB),
			CPULimit:         spawnercfg.Set(1.0),
			IsolateTmp:       spawnercfg.Set(true),
			IsolateDevices:   spawnercfg.Set(true),
			UnitNameTemplate: spawnercfg.Set(spawnercfg.MustTemplate("jupyter-{USERNAME}")),
			ReadonlyPaths:    spawnercfg.Set(spawnercfg.Templates("/")),
			ReadwritePaths: spawnercfg.Set([]spawnercfg.Template{
				spawnercfg.Join(spawnercfg.Literal("/home/"), spawnercfg.Username()),
			}),
		},
	}
	python, err := options.Python()
	if err != nil {
		return err
	}
	g.quote(string(python))
	g.config = filepath.Join(g.dir, "jupyterhub_config.py")
	return os.WriteFile(g.config, python, 0o600)
}

// foretell works out what SystemdSpawner will hand to systemd-run.
func foretell(_ context.Context, g *guide) error {
	file, err := spawnercfg.ReadFile(g.config, g.dir)
	if err != nil {
		return err
	}
	unit, err := spawnercfg.Predict(file.Settings(), spawnercfg.User{
		Name: "alice", ID: 7, UnixName: "alice", UID: 1001, GID: 1001, Home: "/home/alice",
	}, spawnercfg.Hub{
		LookPath: func(command, _ string) string { return "/opt/jupyterhub/bin/" + command },
	})
	if err != nil {
		return err
	}
	g.Printf("    %s", g.Paint(cli.Bold, unit.Name))
	for _, p := range unit.Properties {
		g.Printf("    %s=%s", cli.Printable(p.Name), cli.Printable(p.Value))
	}
	return nil
}

// judge shows what a few lines, typed in a hurry, would have done.
func judge(_ context.Context, g *guide) error {
	hurried := `c.SystemdSpawner.mem_limit = '4GB'
c.SystemdSpawner.cpu_limt = 2
c.SystemdSpawner.readonly_paths = ['/srv/{course}']
`
	g.quote(hurried)
	file, err := spawnercfg.Parse([]byte(hurried), spawnercfg.ParseOptions{})
	if err != nil {
		return err
	}
	for _, f := range file.Lint() {
		if f.Pos.Line == 0 {
			continue // what the whole file lacks is not this stop's subject
		}
		g.Printf("%s line %d: %s", g.Paint(cli.Bad, f.Severity.String()), f.Pos.Line, cli.Printable(f.Message))
		if f.Hint != "" {
			g.Printf("    → %s", cli.Printable(f.Hint))
		}
	}
	return nil
}

// change edits one option in place, installs the file, and takes that back.
func change(ctx context.Context, g *guide) error {
	before, err := spawnercfg.ReadFile(g.config, g.dir)
	if err != nil {
		return err
	}
	after, err := before.Set("SystemdSpawner", "mem_limit", pyvalue.Str("4G"))
	if err != nil {
		return err
	}
	g.Diff("jupyterhub_config.py", "with 4G", before.Bytes(), after.Bytes())
	installed, err := after.Install(ctx, spawnercfg.InstallOptions{})
	if err != nil {
		return err
	}
	g.Printf("installed; the file from before is kept as %s", filepath.Base(installed.Backup))

	// A file that does not say for certain what an option is, is not edited
	// by guesswork.
	doubtful := strings.ReplaceAll("if True:\n    c.SystemdSpawner.mem_limit = '1G'\n", "True", "os.environ.get('BIG')")
	file, err := spawnercfg.Parse([]byte(doubtful), spawnercfg.ParseOptions{})
	if err != nil {
		return err
	}
	if _, err := file.Set("SystemdSpawner", "mem_limit", pyvalue.Str("4G")); err == nil {
		return errors.New("a conditional option was edited in place")
	} else {
		g.Printf("refused, rightly: %s", g.Paint(cli.Warn, fmt.Sprint(err)))
	}
	return nil
}
