package spawnercfg

import (
	"errors"
)

// header is what every file starts with. The first line fixes the encoding:
// without it a comment in one of the first two lines could choose another, in
// which the text below would read as code. c is there before the first
// statement; the call says so to a reader and to a linter.
const header = `# -*- coding: utf-8 -*-
c = get_config()  # noqa: F821
`

// Python returns the options as a jupyterhub_config.py. It holds nothing but
// assignments of literals, in a fixed order, one line an element, so that
// equal options give equal files and a small change a small difference. What
// cannot be said safely is an [OptionError] each, joined, and no file at all.
func (o Options) Python() ([]byte, error) {
	settings, err := o.Settings()
	if err != nil {
		return nil, err
	}
	return Python(settings)
}

// Python returns settings as a jupyterhub_config.py, in their order; a blank
// line stands between sections. It is [Options.Python] for a program that
// works on settings.
func Python(settings []Setting) ([]byte, error) {
	out := []byte(header)
	var errs []error
	section := ""
	for _, s := range settings {
		if s.Section != section {
			out = append(out, '\n')
			section = s.Section
		}
		var err error
		if out, err = s.appendPython(out); err != nil {
			errs = append(errs, &OptionError{s.Option(), s.Pos, err})
		}
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return out, nil
}

// Python returns the one statement that sets the option, with a final line
// feed.
func (s Setting) Python() (string, error) {
	b, err := s.appendPython(nil)
	if err != nil {
		return "", &OptionError{s.Option(), s.Pos, err}
	}
	return string(b), nil
}

func (s Setting) appendPython(dst []byte) ([]byte, error) {
	if !plainName(s.Section, s.Name) {
		return dst, ErrName
	}
	if err := s.speakable(); err != nil {
		return dst, err
	}
	dst = append(append(append(append(append(dst, "c."...), s.Section...), '.'), s.Name...), " = "...)
	dst, err := s.Value.AppendPython(dst, "")
	return append(dst, '\n'), err
}

// speakable refuses control characters where they can do nothing but harm:
// in what becomes a path, the name of a unit, an argument of systemd-run or a
// header.
func (s Setting) speakable() error {
	t, ok := LookupTrait(s.Section, s.Name)
	if !ok {
		return nil
	}
	switch t.Name {
	case "readonly_paths", "readwrite_paths", "extra_paths", "user_workingdir", "default_shell", "slice", "unit_name_template",
		"username_template", "unit_extra_properties", "cmd", "notebook_dir", "ssl_cert", "ssl_key", "cookie_secret_file",
		"spawner_class", "authenticator_class", "proxy_class", "bind_url", "hub_bind_url", "hub_connect_url", "db_url",
		"tornado_settings", "pid_file":
		return s.Value.NoControl()
	case "group_overrides":
		groups, _ := s.Value.Items()
		for _, g := range groups {
			options, _ := g.Value.Lookup("spawner_override").Items()
			for _, o := range options {
				name, _ := o.Key.Str()
				if err := (Setting{Section: "SystemdSpawner", Name: name, Value: o.Value}).speakable(); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
