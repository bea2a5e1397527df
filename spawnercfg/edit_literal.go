package spawnercfg

import (
	"bytes"
	"strings"

	"github.com/hubhost/hubhost/spawnercfg/internal/py"
	"github.com/hubhost/hubhost/spawnercfg/pyvalue"
)

// elementwise returns the splices that make a value of a list, tuple, set or
// dict as it is written by touching only the elements that differ, or nil
// where that cannot be done.
func (f *File) elementwise(lit *py.Literal, v pyvalue.Value) []splice {
	e := &elements{File: f, lit: lit}
	if !e.plan(v) {
		return nil
	}
	return e.splices
}

// elements plans the change of one container.
type elements struct {
	*File
	lit     *py.Literal
	splices []splice
}

// element is one element as it shall be: its text, and what tells whether it
// is there already.
type element struct {
	key   string // of a dict: its key; of others: the element
	value pyvalue.Value
	dict  bool
}

func (e *elements) plan(v pyvalue.Value) bool {
	kind := e.lit.Value.Kind()
	open := map[pyvalue.Kind]string{pyvalue.ListKind: "[]", pyvalue.TupleKind: "()", pyvalue.SetKind: "{}", pyvalue.DictKind: "{}"}[kind]
	if open == "" || e.src[e.lit.Start] != open[0] || e.src[e.lit.End-1] != open[1] || len(e.lit.Items) == 0 ||
		kind != v.Kind() || v.Len() == 0 {
		return false
	}
	old, ok := keysOf(e.lit.Value)
	if !ok || len(old) != len(e.lit.Items) || kind == pyvalue.TupleKind && len(old) < 2 {
		return false
	}
	want, _ := keysOf(v)
	if kind == pyvalue.SetKind || kind == pyvalue.DictKind {
		// The order is the file's: what stays, stays where it is.
		had := map[string]bool{}
		for _, o := range old {
			had[o.key] = true
		}
		has := map[string]element{}
		for _, w := range want {
			has[w.key] = w
		}
		var order []element
		for _, o := range old {
			if w, ok := has[o.key]; ok {
				order = append(order, w)
			}
		}
		for _, w := range want {
			if !had[w.key] {
				order = append(order, w)
			}
		}
		want = order
	}
	return e.align(old, want)
}

// keysOf returns the elements of a container.
func keysOf(v pyvalue.Value) ([]element, bool) {
	if elems, ok := v.Elems(); ok {
		out := make([]element, len(elems))
		for i, x := range elems {
			text, err := x.Python()
			if err != nil {
				return nil, false
			}
			out[i] = element{key: text, value: x}
		}
		return out, true
	}
	items, ok := v.Items()
	out := make([]element, len(items))
	for i, it := range items {
		text, err := it.Key.Python()
		if err != nil {
			return nil, false
		}
		out[i] = element{key: text, value: it.Value, dict: true}
	}
	return out, ok
}

// maxAlign bounds the table of the alignment.
const maxAlign = 2000

// align finds the longest common subsequence of the keys and plans a
// replacement, removal or insertion for all else.
func (e *elements) align(old, want []element) bool {
	n, m := len(old), len(want)
	if n > maxAlign || m > maxAlign {
		return false
	}
	length := make([][]int32, n+1)
	for i := range length {
		length[i] = make([]int32, m+1)
	}
	for i := n - 1; i >= 0; i-- {
		for j := m - 1; j >= 0; j-- {
			if old[i].key == want[j].key {
				length[i][j] = length[i+1][j+1] + 1
			} else {
				length[i][j] = max(length[i+1][j], length[i][j+1])
			}
		}
	}
	if length[0][0] == 0 && n != m {
		return false
	}
	var gone []int // removed elements since the last common one
	var added []element
	last := -1 // the last element that stays
	flush := func() bool {
		// As many of the one as of the other: those are replaced in place.
		if len(gone) == len(added) {
			for k, i := range gone {
				if !e.replace(i, added[k]) {
					return false
				}
				last = i
			}
		} else {
			for _, i := range gone {
				if !e.remove(i, n) {
					return false
				}
			}
			if len(gone) > 0 && len(added) > 0 {
				// The two would meet at one comma.
				return false
			}
			if !e.insert(last, added) {
				return false
			}
		}
		gone, added = nil, nil
		return true
	}
	i, j := 0, 0
	for i < n || j < m {
		switch {
		case i < n && j < m && old[i].key == want[j].key:
			if !flush() {
				return false
			}
			if old[i].dict && !e.revalue(i, old[i].value, want[j].value) {
				return false
			}
			last = i
			i, j = i+1, j+1
		case j < m && (i == n || length[i][j+1] >= length[i+1][j]):
			added = append(added, want[j])
			j++
		default:
			gone = append(gone, i)
			i++
		}
	}
	return flush()
}

// span returns where element i is written, key included.
func (e *elements) span(i int) (start, end int) {
	start = e.lit.Items[i].Start
	if e.lit.Keys != nil {
		start = e.lit.Keys[i].Start
	}
	return start, e.lit.Items[i].End
}

func (e *elements) text(el element, indent string) (string, bool) {
	text, err := el.value.AppendPython(nil, indent)
	if err != nil {
		return "", false
	}
	if el.dict {
		return el.key + ": " + string(text), true
	}
	return string(text), true
}

// indent returns the white space that the line of an offset begins with.
func (e *elements) indent(at int) string {
	start, end := py.Span(e.src, at)
	line := e.src[start:end]
	return string(line[:len(line)-len(bytes.TrimLeft(line, " \t"))])
}

// replace writes another element in the place of element i.
func (e *elements) replace(i int, with element) bool {
	start, end := e.span(i)
	text, ok := e.text(with, e.indent(start))
	if !ok || e.hasComment(start, end) {
		return false
	}
	e.splices = append(e.splices, splice{start, end, text})
	return true
}

// revalue gives the value of a dict's item i another value.
func (e *elements) revalue(i int, old, v pyvalue.Value) bool {
	if old.Identical(v) {
		return true
	}
	lit := e.lit.Items[i]
	inner := &elements{File: e.File, lit: lit}
	if inner.plan(v) {
		e.splices = append(e.splices, inner.splices...)
		return true
	}
	text, err := v.AppendPython(nil, e.indent(lit.Start))
	if err != nil || e.hasComment(lit.Start, lit.End) {
		return false
	}
	e.splices = append(e.splices, splice{lit.Start, lit.End, string(text)})
	return true
}

// comma returns the offset of the comma behind element i, or -1.
func (e *elements) comma(i int) int {
	_, at := e.span(i)
	for at < e.lit.End {
		switch c := e.src[at]; c {
		case ',':
			return at
		case '#':
			_, at = py.Span(e.src, at)
		case ' ', '\t', '\f', '\r', '\n', '\\':
			at++
		default:
			return -1
		}
	}
	return -1
}

// ownLines reports whether element i, with the comma behind it, shares its
// lines with nothing but a comment, and returns the span of those lines.
func (e *elements) ownLines(i int) (start, end int, ok bool) {
	s, t := e.span(i)
	start, _ = py.Span(e.src, s)
	if len(bytes.TrimLeft(e.src[start:s], " \t")) > 0 {
		return 0, 0, false
	}
	if c := e.comma(i); c >= 0 {
		if bytes.ContainsAny(e.src[t:c], "\r\n#") {
			return 0, 0, false
		}
		t = c + 1
	}
	_, end = py.Span(e.src, t)
	rest := bytes.TrimLeft(e.src[t:end], " \t")
	if len(rest) > 0 && rest[0] != '#' && rest[0] != '\n' && rest[0] != '\r' {
		return 0, 0, false
	}
	return start, end, true
}

// remove deletes element i of n, and of the commas beside it one.
func (e *elements) remove(i, n int) bool {
	s, t := e.span(i)
	if start, end, ok := e.ownLines(i); ok && !e.hasComment(s, t) {
		e.splices = append(e.splices, splice{start, end, ""})
		return true
	}
	start, end := s, t
	switch {
	case i+1 < n:
		end, _ = e.span(i + 1)
	case i > 0:
		_, start = e.span(i - 1)
	}
	if e.hasComment(start, end) || bytes.ContainsAny(e.src[start:end], "\r\n") {
		return false
	}
	e.splices = append(e.splices, splice{start, end, ""})
	return true
}

// insert writes elements behind element last, or at the front.
func (e *elements) insert(last int, added []element) bool {
	if len(added) == 0 {
		return true
	}
	at := max(last, 0)
	first, behind := e.span(at)
	start, end, own := e.ownLines(at)
	indent := e.indent(first)
	texts := make([]string, len(added))
	for i, el := range added {
		var ok bool
		if texts[i], ok = e.text(el, indent); !ok {
			return false
		}
	}
	switch {
	case own:
		if last < 0 {
			end = start
		} else if e.comma(at) < 0 {
			e.splices = append(e.splices, splice{behind, behind, ","})
		}
		var b strings.Builder
		for _, t := range texts {
			b.WriteString(indent + t + ",\n")
		}
		e.splices = append(e.splices, splice{end, end, b.String()})
	case last < 0:
		e.splices = append(e.splices, splice{first, first, strings.Join(texts, ", ") + ", "})
	default:
		e.splices = append(e.splices, splice{behind, behind, ", " + strings.Join(texts, ", ")})
	}
	return true
}
