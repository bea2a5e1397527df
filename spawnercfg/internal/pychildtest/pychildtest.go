// Package pychildtest runs the Python programs in testdata that judge this module
// in its tests: children that answer a line with a line.
package pychildtest

import (
	"bufio"
	"bytes"
	_ "embed"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"io"
	"math"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/hubhost/hubhost/internal/testenv"
	"github.com/hubhost/hubhost/spawnercfg/pyvalue"
)

// Literals is a program that reads the literals, files and templates that this
// module writes; its text says which question has which answer.
//
//go:embed literals.py
var Literals string

// Python returns the interpreter that judges: HUB_PYTHON, or python3.
func Python(t testing.TB) string {
	t.Helper()
	if python := os.Getenv("HUB_PYTHON"); python != "" {
		return python
	}
	return testenv.Tool(t, "python3")
}

// Child is a running Python program.
type Child struct {
	In  io.WriteCloser
	Out *bufio.Reader
}

// Start runs a program until the end of the test, which fails if the program
// does. A test that has failed does not wait for it.
func Start(t testing.TB, python string, args ...string) *Child {
	t.Helper()
	cmd := exec.Command(python, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		if t.Failed() {
			cmd.Process.Kill()
		}
		// A child with answers that nobody has read would write for ever.
		io.Copy(io.Discard, out)
		if err := cmd.Wait(); err != nil && cmd.ProcessState.Exited() {
			t.Errorf("%s: %v\n%s", cmd, err, stderr.Bytes())
		}
	})
	return &Child{in, bufio.NewReaderSize(out, 1<<20)}
}

// Line returns the next line of the child, without its end.
func (c *Child) Line(t testing.TB) string {
	t.Helper()
	line, err := c.Out.ReadString('\n')
	if err != nil {
		t.Fatalf("no answer: %v", err)
	}
	return line[:len(line)-1]
}

// Ask sends a question as a line of JSON and decodes the answer.
func (c *Child) Ask(t testing.TB, question, answer any) {
	t.Helper()
	if err := json.NewEncoder(c.In).Encode(question); err != nil {
		t.Fatal(err)
	}
	c.Answer(t, answer)
}

// Answer decodes the next line, which is JSON.
func (c *Child) Answer(t testing.TB, answer any) {
	t.Helper()
	line := c.Line(t)
	if err := json.Unmarshal([]byte(line), answer); err != nil {
		t.Fatalf("%v: %s", err, line)
	}
}

// Send sends questions, each as a line of JSON, while the answers are
// received: the pipes are finite.
func Send[T any](c *Child, questions []T) {
	go func() {
		enc := json.NewEncoder(c.In)
		for _, q := range questions {
			if enc.Encode(q) != nil {
				return // the test has ended
			}
		}
	}()
}

// Canonical renders a value as the Python programs do.
func Canonical(v pyvalue.Value) string {
	list := func(vs []pyvalue.Value) []string {
		out := make([]string, len(vs))
		for i, e := range vs {
			out[i] = Canonical(e)
		}
		return out
	}
	elems, _ := v.Elems()
	out := list(elems)
	switch v.Kind() {
	case pyvalue.BoolKind:
		return v.String()[:1]
	case pyvalue.FloatKind:
		f, _ := v.Float64()
		return "f" + hex.EncodeToString(binary.BigEndian.AppendUint64(nil, math.Float64bits(f)))
	case pyvalue.BytesKind:
		b, _ := v.Bytes()
		return "b" + hex.EncodeToString(b)
	case pyvalue.StrKind:
		return "s" + hex.EncodeToString([]byte(v.Text()))
	case pyvalue.ListKind:
		return "[" + strings.Join(out, ",") + "]"
	case pyvalue.TupleKind:
		return "(" + strings.Join(out, ",") + ")"
	case pyvalue.SetKind:
		slices.Sort(out)
		return "{" + strings.Join(out, ",") + "}"
	case pyvalue.DictKind:
		items, _ := v.Items()
		var out []string
		for _, it := range items {
			out = append(out, Canonical(it.Key)+":"+Canonical(it.Value))
		}
		return "<" + strings.Join(out, ",") + ">"
	}
	if i, ok := v.BigInt(); ok {
		return "i" + i.Text(16)
	}
	return "N"
}
