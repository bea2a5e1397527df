package spawnercfg_test

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	. "github.com/hubhost/hubhost/spawnercfg"
	"github.com/hubhost/hubhost/spawnercfg/pyvalue"
)

// FuzzTemplate holds that a template that is read as plain fills in for every
// user, that literal text comes out as it went in, and that str.format's own
// grammar never panics.
func FuzzTemplate(f *testing.F) {
	for _, s := range []string{"", "{USERNAME}", "{{}}", "{USERNAME!r:>{USERID}}", "{", "}", "{a[b].c}", "{USERID:+#010_x}", "{:}", "{0!s:{1}}", "é{USERNAME}"} {
		f.Add(s, "alice")
	}
	f.Fuzz(func(t *testing.T, format, name string) {
		if strings.ContainsRune(format, 0) || strings.ContainsRune(name, 0) || !utf8.ValidString(format) || !utf8.ValidString(name) {
			return
		}
		user := User{Name: name, UnixName: "x"}
		args := func(list pyvalue.Value) ([]string, error) {
			unit, err := Predict([]Setting{
				option("SystemdSpawner.username_template", pyvalue.Str("x")),
				option("SystemdSpawner.unit_name_template", pyvalue.Str("x")),
				option("Spawner.cmd", pyvalue.Strs("/x")),
				option("Spawner.args", list),
			}, user, Hub{})
			if err != nil {
				return nil, err
			}
			return unit.Command[1:], nil
		}
		_, err := args(pyvalue.Strs(format))
		var raised *pyvalue.Exception
		if err != nil && !errors.As(err, &raised) && !errors.Is(err, ErrNotForetold) {
			t.Fatalf("%q: %v", format, err)
		}
		if template, bad := ParseTemplate(format); bad == nil {
			if err != nil {
				t.Fatalf("%q is a template, and fails: %v", format, err)
			}
			if template.String() != format {
				t.Fatalf("%q became %q", format, template)
			}
		}
		out, err := args(pyvalue.Strs(Join(Literal(format), Username(), Literal(format)).String()))
		if err != nil || len(out) != 1 || out[0] != format+name+format {
			t.Fatalf("%q: %q, %v", format, out, err)
		}
	})
}

// FuzzUnitName holds that a mangled name is one that mangling keeps.
func FuzzUnitName(f *testing.F) {
	for _, s := range []string{"", "a", "a b", "é", "a.service", "x.slice", "@", "a@b", `a\x20b`, ".service", "/a"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		mangled, err := MangleUnitName(name)
		if err != nil {
			return
		}
		again, err := MangleUnitName(mangled)
		if err != nil || again != mangled || len(mangled) > 255 || !strings.HasSuffix(mangled, ".service") {
			t.Fatalf("%q: %q, %q, %v", name, mangled, again, err)
		}
	})
}

// FuzzEmit holds that what is written is read back as the same value, by this
// package's own reader, and that whatever is set is one statement.
func FuzzEmit(f *testing.F) {
	for _, s := range hostile {
		f.Add(s, []byte(s), 1.5, int64(-1))
	}
	f.Fuzz(func(t *testing.T, text string, raw []byte, number float64, integer int64) {
		want := pyvalue.Dict(
			pyvalue.Item{Key: pyvalue.Str(text), Value: pyvalue.List(pyvalue.Str(text), pyvalue.Bytes(raw))},
			pyvalue.Item{Key: pyvalue.Int(integer), Value: pyvalue.Tuple(pyvalue.Float(number))},
		)
		set := Setting{Section: "My", Name: "x", Value: want}
		python, err := Python([]Setting{set})
		if err != nil {
			if python != nil {
				t.Fatalf("a file beside the error %v", err)
			}
			return
		}
		file, err := Parse(python, ParseOptions{})
		if err != nil {
			t.Fatalf("%v\n%s", err, python)
		}
		settings := file.Settings()
		if len(settings) != 1 || !settings[0].Value.Identical(want) {
			t.Fatalf("%v, not %v, of\n%s", settings, want, python)
		}
	})
}

// FuzzByteSize holds that a size is written in the grammar that it is read by.
func FuzzByteSize(f *testing.F) {
	for _, s := range []string{"1G", "1.5G", "1024", "2g", "١G", " +1_0e2K", "infG", "nanT", "-0.1M", ".T"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		size, err := ParseByteSize(s)
		if err != nil {
			return
		}
		if size%KiB != 0 || size == 0 {
			return
		}
		again, err := ParseByteSize(size.String())
		if err != nil || again != size {
			t.Fatalf("%q: %d, and %q: %d, %v", s, size, size, again, err)
		}
	})
}
