package main

import (
	"context"
	"errors"
	"flag"
	"path/filepath"
	"strings"

	"github.com/hubhost/hubhost/examples/internal/site"
	"github.com/hubhost/hubhost/internal/cli"
	"github.com/hubhost/hubhost/spawnercfg"
	"github.com/hubhost/hubhost/spawnercfg/pyvalue"
)

// assignment takes OPTION=VALUE apart. A value that is no Python literal is
// text, so that mem_limit=4G needs no quotes within quotes.
func assignment(arg string) (spawnercfg.Setting, error) {
	name, text, ok := strings.Cut(arg, "=")
	if !ok {
		return spawnercfg.Setting{}, cli.Usage("%q: write OPTION=VALUE", arg)
	}
	section, option, err := split(name)
	if err != nil {
		return spawnercfg.Setting{}, err
	}
	value, err := spawnercfg.ParseValue(text)
	if err != nil {
		value = pyvalue.Str(text)
	}
	return spawnercfg.Setting{Section: section, Name: option, Value: value}, nil
}

func set(f *flag.FlagSet) cli.Run {
	var w writing
	w.register(f)
	return func(ctx context.Context, out *cli.IO, args []string) error {
		if len(args) < 2 {
			return cli.Usage("name the file, then OPTION=VALUE")
		}
		var settings []spawnercfg.Setting
		for _, arg := range args[1:] {
			s, err := assignment(arg)
			if err != nil {
				return err
			}
			settings = append(settings, s)
		}
		return w.change(ctx, out, args[0], func(file *spawnercfg.File) (*spawnercfg.File, error) {
			for _, s := range settings {
				var err error
				if file, err = file.Set(s.Section, s.Name, s.Value); err != nil {
					return nil, err
				}
			}
			return file, nil
		})
	}
}

func unset(f *flag.FlagSet) cli.Run {
	var w writing
	w.register(f)
	return func(ctx context.Context, out *cli.IO, args []string) error {
		if len(args) < 2 {
			return cli.Usage("name the file, then options")
		}
		return w.change(ctx, out, args[0], func(file *spawnercfg.File) (*spawnercfg.File, error) {
			for _, arg := range args[1:] {
				section, name, err := split(arg)
				if err != nil {
					return nil, err
				}
				if file, err = file.Unset(section, name); err != nil {
					return nil, err
				}
			}
			return file, nil
		})
	}
}

// writing is how a changed file is put in place.
type writing struct {
	dryRun bool
	force  bool
}

func (w *writing) register(f *flag.FlagSet) {
	f.BoolVar(&w.dryRun, "dry-run", false, "only show the difference")
	f.BoolVar(&w.force, "force", false, "write in spite of errors that lint finds in the changed file")
}

// change shows what changes, and writes it unless lint finds an error that
// was not there before.
func (w *writing) change(ctx context.Context, out *cli.IO, path string, edit func(*spawnercfg.File) (*spawnercfg.File, error)) error {
	before, err := site.ReadFile(path)
	if err != nil {
		return err
	}
	after, err := edit(before)
	if err != nil {
		return err
	}
	if !out.Diff(path, path+" (new)", before.Bytes(), after.Bytes()) {
		out.Printf("nothing to change")
		return nil
	}
	if !w.force {
		if added := site.Added(before.Lint(), after.Lint()); added.Err() != nil {
			if err := report(out, path, added, false); !errors.Is(err, cli.ErrFinding) {
				return err
			}
			return errors.New("nothing was written; --force writes it all the same")
		}
	}
	if w.dryRun {
		return nil
	}
	installed, err := after.Install(ctx, spawnercfg.InstallOptions{})
	if err != nil {
		return err
	}
	out.Printf("written to %s; the file from before is %s", cli.Printable(installed.Path), cli.Printable(filepath.Base(installed.Backup)))
	return nil
}

func emit(f *flag.FlagSet) cli.Run {
	recommended := f.Bool("recommended", false, "begin with what a hub on SystemdSpawner should say: the spawner, sessions that outlive a restart, and the headers")
	return func(_ context.Context, out *cli.IO, args []string) error {
		var settings []spawnercfg.Setting
		if *recommended {
			var err error
			if settings, err = (spawnercfg.Options{JupyterHub: spawnercfg.JupyterHub{
				SpawnerClass:    spawnercfg.Set("systemd"),
				CleanupServers:  spawnercfg.Set(false),
				TornadoSettings: spawnercfg.Set(spawnercfg.TornadoSettings{Headers: spawnercfg.RecommendedHeaders()}),
			}}).Settings(); err != nil {
				return err
			}
		}
		for _, arg := range args {
			s, err := assignment(arg)
			if err != nil {
				return err
			}
			settings = append(settings, s)
		}
		if err := spawnercfg.Lint(settings).Err(); err != nil {
			return err
		}
		// Through the typed options: they come in the order of a file, and of one
		// that is given twice the later counts, as it does in a file.
		options, err := spawnercfg.FromSettings(settings)
		if err != nil {
			return err
		}
		python, err := options.Python()
		if err != nil {
			return err
		}
		_, err = out.Out.Write(python)
		return err
	}
}
