package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math"
	"strings"
	"unicode/utf8"

	"github.com/hubhost/hubhost/examples/internal/site"
	"github.com/hubhost/hubhost/internal/cli"
	"github.com/hubhost/hubhost/spawnercfg"
	"github.com/hubhost/hubhost/spawnercfg/pyvalue"
)

// prediction is the unit that a user will get, or why there will be none,
// or it cannot be told.
type prediction struct {
	Name       string     `json:"name,omitempty"`
	Argv       []string   `json:"argv,omitempty"`
	Properties []property `json:"properties,omitempty"`
	Error      string     `json:"error,omitempty"`
}

type property struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

func unit(f *flag.FlagSet) cli.Run {
	name := f.String("user", "", "the user's `name` in the hub")
	id := f.Int64("id", 1, "the user's `number` in the hub's database")
	uid := f.Int64("uid", -1, "the `uid` of the Unix account; without it, this machine's account of that name")
	gid := f.Int64("gid", -1, "the `gid` of the Unix account")
	home := f.String("home", "", "the home `directory` of the Unix account")
	asJSON := f.Bool("json", false, "write JSON")
	return func(_ context.Context, out *cli.IO, args []string) error {
		path, err := one(args)
		if err != nil {
			return err
		}
		if *name == "" {
			return cli.Usage("say whose unit: --user NAME")
		}
		if *uid < -1 || *gid < -1 || *uid >= math.MaxUint32 || *gid >= math.MaxUint32 {
			return cli.Usage("--uid %d, --gid %d: not numbers of accounts", *uid, *gid)
		}
		if !utf8.ValidString(*name + *home) {
			return cli.Usage("--user and --home: UTF-8, as it is in the hub")
		}
		file, err := site.ReadFile(path)
		if err != nil {
			return err
		}
		who, known, err := account(file, *name, *uid, *gid, *home)
		if err != nil {
			return err
		}
		who.ID = *id
		predicted, err := spawnercfg.Predict(file.Settings(), who, site.Hub())
		raised, isPython := errors.AsType[*pyvalue.Exception](err)
		switch {
		case err != nil && *asJSON:
			p := prediction{Error: err.Error()}
			if isPython {
				p.Error = raised.Error()
			}
			if err := out.JSON(p); err != nil {
				return err
			}
			return cli.ErrFinding
		case isPython && !known:
			return fmt.Errorf("the spawner would raise %w: this machine has no such account; describe it by --uid, --gid and --home", err)
		case isPython:
			return fmt.Errorf("the spawner would raise %w", err)
		case err != nil:
			return err
		}
		p := prediction{Name: predicted.Name, Argv: predicted.Args, Properties: []property{}}
		for _, one := range predicted.Properties {
			p.Properties = append(p.Properties, property(one))
		}
		if *asJSON {
			for _, refusal := range predicted.Refusals {
				fmt.Fprintf(out.Err, "hubconfig: systemd will refuse it: %s\n", cli.Printable(refusal.Message))
			}
			return out.JSON(p)
		}
		out.Printf("%s", out.Paint(cli.Bold, p.Name))
		for _, one := range p.Properties {
			out.Printf("    %s=%s", cli.Printable(one.Name), cli.Printable(one.Value))
		}
		out.Printf("%s %s", out.Paint(cli.Faint, "started as"), cli.Printable(strings.Join(p.Argv, " ")))
		out.Printf("%s %s", out.Paint(cli.Faint, "environment"), cli.Printable(strings.Join(predicted.Environment, " ")))
		for _, refusal := range predicted.Refusals {
			out.Printf("%s %s", out.Paint(cli.Bad, "systemd will refuse it:"), cli.Printable(refusal.Message))
		}
		if len(predicted.Refusals) > 0 {
			return cli.ErrFinding
		}
		return nil
	}
}

// account is what the flags say of the user's Unix account, or else the
// machine.
func account(file *spawnercfg.File, name string, uid, gid int64, home string) (u spawnercfg.User, known bool, err error) {
	unixName := name
	if options, err := file.Options(); err == nil {
		if template, ok := options.SystemdSpawner.UsernameTemplate.Get(); ok {
			unixName = strings.ReplaceAll(template.String(), "{USERNAME}", name)
		}
	}
	if u, known, err = site.Account(name, unixName); err != nil {
		return u, false, err
	}
	if uid >= 0 {
		u = spawnercfg.User{Name: name, UnixName: unixName, UID: uint32(uid), GID: uint32(uid), Home: "/home/" + unixName}
		known = true
	}
	if gid >= 0 {
		u.GID = uint32(gid)
	}
	if home != "" {
		u.Home = home
	}
	return u, known, nil
}
