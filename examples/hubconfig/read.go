package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hubhost/hubhost/examples/internal/site"
	"github.com/hubhost/hubhost/internal/cli"
	"github.com/hubhost/hubhost/spawnercfg"
	"github.com/hubhost/hubhost/spawnercfg/pyvalue"
)

func one(args []string) (string, error) {
	if len(args) != 1 {
		return "", cli.Usage("name one file")
	}
	return args[0], nil
}

// option is an option of a file, as show tells of it.
type option struct {
	Option string          `json:"option"`
	Value  json.RawMessage `json:"value"`
	Exact  bool            `json:"exact"`
	Line   int             `json:"line"`
	Reason string          `json:"reason"`

	python, place string
}

func show(f *flag.FlagSet) cli.Run {
	asJSON := f.Bool("json", false, "write JSON: tuples and sets as lists, and what JSON has no word for as the text of its Python literal")
	return func(_ context.Context, out *cli.IO, args []string) error {
		path, err := one(args)
		if err != nil {
			return err
		}
		file, err := site.ReadFile(path)
		if err != nil {
			return err
		}
		options := []option{}
		for _, r := range file.Readings() {
			o := option{Option: r.Option(), Value: json.RawMessage("null"), Exact: r.Certainty == spawnercfg.Certain, Line: r.Pos.Line, place: strconv.Itoa(r.Pos.Line)}
			elsewhere := site.Elsewhere(file.Path(), r.Pos)
			if elsewhere != "" {
				o.Line, o.place = 0, filepath.Base(elsewhere)
			}
			if o.Exact {
				if elsewhere != "" {
					o.Reason = "set in " + elsewhere
				}
				if o.Value, err = jsonOf(r.Value); err != nil {
					return err
				}
				o.python = r.Value.String()
			} else {
				var reasons []string
				for _, reason := range r.Reasons {
					reasons = append(reasons, reason.String())
				}
				if r.Certainty == spawnercfg.Recorded {
					reasons = append(reasons, "adds to the default")
				}
				o.Reason = strings.Join(reasons, "; ")
			}
			options = append(options, o)
		}
		if *asJSON {
			return out.JSON(options)
		}
		var rows [][]cli.Cell
		for _, o := range options {
			value := cli.Cell{Text: o.python}
			if !o.Exact {
				value = cli.Cell{Text: "not certain: " + o.Reason, Style: cli.Warn}
			}
			rows = append(rows, []cli.Cell{{Text: o.place, Right: true}, {Text: o.Option, Style: cli.Bold}, value})
		}
		out.Table([]string{"LINE", "OPTION", "VALUE"}, rows)
		return nil
	}
}

// jsonOf writes a value as JSON: sets and tuples as lists, and what JSON has
// no word for (bytes, infinity, a dict with keys that are no text) as the text
// of its Python literal.
func jsonOf(v pyvalue.Value) ([]byte, error) {
	switch v.Kind() {
	case pyvalue.NoneKind:
		return []byte("null"), nil
	case pyvalue.BoolKind:
		b, _ := v.Bool()
		return json.Marshal(b)
	case pyvalue.IntKind:
		i, _ := v.BigInt()
		return []byte(i.String()), nil
	case pyvalue.FloatKind:
		// Python's way of writing a number is JSON's, and keeps it a float.
		if text := v.String(); json.Valid([]byte(text)) {
			return []byte(text), nil
		}
	case pyvalue.StrKind:
		s, _ := v.Str()
		return json.Marshal(s)
	case pyvalue.ListKind, pyvalue.TupleKind, pyvalue.SetKind:
		elems, _ := v.Elems()
		list := make([]json.RawMessage, len(elems))
		for i, e := range elems {
			var err error
			if list[i], err = jsonOf(e); err != nil {
				return nil, err
			}
		}
		return json.Marshal(list)
	case pyvalue.DictKind:
		items, _ := v.Items()
		// Not a Go map: the hub keeps the order.
		b := []byte{'{'}
		for i, item := range items {
			key, isText := item.Key.Str()
			if !isText {
				return json.Marshal(v.String())
			}
			name, err := json.Marshal(key)
			if err != nil {
				return nil, err
			}
			value, err := jsonOf(item.Value)
			if err != nil {
				return nil, err
			}
			if i > 0 {
				b = append(b, ',')
			}
			b = append(append(append(b, name...), ':'), value...)
		}
		return append(b, '}'), nil
	}
	return json.Marshal(v.String())
}

func lint(f *flag.FlagSet) cli.Run {
	asJSON := f.Bool("json", false, "write JSON")
	return func(_ context.Context, out *cli.IO, args []string) error {
		path, err := one(args)
		if err != nil {
			return err
		}
		file, err := site.ReadFile(path)
		if err != nil {
			return err
		}
		return report(out, path, file.Lint(), *asJSON)
	}
}

func check(f *flag.FlagSet) cli.Run {
	python := f.String("python", site.Python, "the `file` of the interpreter that the hub runs by")
	limit := f.Duration("limit", 2*time.Minute, "how long it may take")
	asJSON := f.Bool("json", false, "write JSON")
	return func(ctx context.Context, out *cli.IO, args []string) error {
		path, err := one(args)
		if err != nil {
			return err
		}
		_, done := out.Progress("asking the hub's Python")
		result, err := spawnercfg.Checker{Python: *python, Limit: *limit}.Check(ctx, path)
		done()
		if ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
			return fmt.Errorf("the hub's Python did not end within %s; wait longer by --limit", *limit)
		}
		if err != nil {
			return site.CheckFailed(err)
		}
		findings := result.Report
		if file, err := site.ReadFile(path); err == nil { // Python may read what spawnercfg does not
			findings = file.Place(findings)
		}
		return report(out, path, findings, *asJSON)
	}
}

// report writes findings, and makes an error among them the program's.
func report(out *cli.IO, path string, findings spawnercfg.Report, asJSON bool) error {
	whole, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	list := []site.Finding{}
	for _, f := range findings {
		list = append(list, site.FromConfig(whole, f))
	}
	if asJSON {
		if err := out.JSON(list); err != nil {
			return err
		}
	} else {
		site.Show(out, path, list...)
		if len(list) == 0 {
			out.Printf("%s nothing found", out.Paint(cli.Good, "good:"))
		}
	}
	if findings.Err() != nil {
		return cli.ErrFinding
	}
	return nil
}

func compare(f *flag.FlagSet) cli.Run {
	asJSON := f.Bool("json", false, "write JSON")
	return func(_ context.Context, out *cli.IO, args []string) error {
		if len(args) != 2 {
			return cli.Usage("name two files")
		}
		var settings [2][]spawnercfg.Setting
		for i, path := range args {
			file, err := site.ReadFile(path)
			if err != nil {
				return err
			}
			settings[i] = file.Settings()
		}
		type change struct {
			Option string `json:"option"`
			Old    string `json:"old"`
			New    string `json:"new"`
		}
		changes := []change{}
		for _, c := range spawnercfg.Diff(settings[0], settings[1]) {
			changes = append(changes, change{c.Option(), said(c.Old), said(c.New)})
		}
		if *asJSON {
			if err := out.JSON(changes); err != nil {
				return err
			}
		} else {
			for _, c := range changes {
				out.Printf("%s: %s → %s", out.Paint(cli.Bold, c.Option), out.Paint(cli.Bad, c.Old), out.Paint(cli.Good, c.New))
			}
		}
		if len(changes) > 0 {
			return cli.ErrFinding
		}
		return nil
	}
}

// said is what a file says of an option, for people.
func said(s spawnercfg.Setting) string {
	switch {
	case s.Unsure != "":
		return "not certain: " + s.Unsure
	case s.Value.IsZero():
		return "unset"
	}
	return s.Value.String()
}

// sections are those in which an option that is named without one is looked
// for, in this order.
var sections = []string{"SystemdSpawner", "JupyterHub", "Authenticator", "LocalAuthenticator", "PAMAuthenticator", "ConfigurableHTTPProxy"}

// split returns the section and the name of an option as it is typed.
func split(name string) (section, option string, err error) {
	if section, option, ok := strings.Cut(name, "."); ok {
		return section, option, nil
	}
	i := slices.IndexFunc(sections, func(section string) bool {
		_, ok := spawnercfg.LookupTrait(section, name)
		return ok
	})
	if i < 0 {
		return "", "", cli.Usage("unknown option %q: name its section too, as in JupyterHub.%s", name, name)
	}
	return sections[i], name, nil
}
