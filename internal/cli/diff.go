package cli

import (
	"fmt"
	"strings"
)

// Diff writes what changes between two texts as a unified diff with three
// lines of context, and reports whether anything does.
func (s *IO) Diff(oldName, newName string, oldText, newText []byte) bool {
	a, b := splitLines(string(oldText)), splitLines(string(newText))
	edits := diff(a, b)
	const context = 3
	changed := false
	for i := 0; i < len(edits); {
		if edits[i].op == ' ' {
			i++
			continue
		}
		if !changed {
			s.Printf("%s", s.Paint(Bold, "--- "+oldName))
			s.Printf("%s", s.Paint(Bold, "+++ "+newName))
			changed = true
		}
		// A hunk goes on until more unchanged lines follow than two contexts.
		start, end, quiet := max(0, i-context), i, 0
		for end < len(edits) && quiet <= 2*context {
			quiet++
			if edits[end].op != ' ' {
				quiet = 0
			}
			end++
		}
		end -= max(0, quiet-context)
		s.hunk(edits, start, end)
		i = end
	}
	return changed
}

func (s *IO) hunk(edits []edit, start, end int) {
	oldStart, newStart := 1, 1
	for _, e := range edits[:start] {
		oldStart += count(e, '+')
		newStart += count(e, '-')
	}
	oldLen, newLen := 0, 0
	for _, e := range edits[start:end] {
		oldLen += count(e, '+')
		newLen += count(e, '-')
	}
	// Of a side without lines, the number is that of the line before.
	if oldLen == 0 {
		oldStart--
	}
	if newLen == 0 {
		newStart--
	}
	s.Printf("%s", s.Paint(Faint, fmt.Sprintf("@@ -%d,%d +%d,%d @@", oldStart, oldLen, newStart, newLen)))
	for _, e := range edits[start:end] {
		style := map[byte]Style{'-': Bad, '+': Good}[e.op]
		line := strings.TrimSuffix(e.line, "\n") // a carriage return is shown: it may be all that changes
		s.Printf("%s", s.Paint(style, string(e.op)+strings.ReplaceAll(line, "\t", "    ")))
		if e.line == line {
			s.Printf(`\ no newline at the end of the file`)
		}
	}
}

// count is 0 for a line of the other side only, and 1 otherwise.
func count(e edit, other byte) int {
	if e.op == other {
		return 0
	}
	return 1
}

type edit struct {
	op   byte // ' ', '-' or '+'
	line string
}

func splitLines(text string) []string {
	lines := strings.SplitAfter(text, "\n")
	if lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	return lines
}

// diff returns the edits that make b of a, by the longest common subsequence
// of what is left between a common start and a common end: the files are
// small and their changes smaller.
func diff(a, b []string) []edit {
	var edits []edit
	keep := func(lines []string) {
		for _, l := range lines {
			edits = append(edits, edit{' ', l})
		}
	}
	prefix := 0
	for prefix < len(a) && prefix < len(b) && a[prefix] == b[prefix] {
		prefix++
	}
	suffix := 0
	for suffix < len(a)-prefix && suffix < len(b)-prefix && a[len(a)-1-suffix] == b[len(b)-1-suffix] {
		suffix++
	}
	keep(a[:prefix])
	x, y := a[prefix:len(a)-suffix], b[prefix:len(b)-suffix]
	common := lengths(x, y)
	for i, j := 0, 0; i < len(x) || j < len(y); {
		switch {
		case i < len(x) && j < len(y) && x[i] == y[j]:
			edits = append(edits, edit{' ', x[i]})
			i, j = i+1, j+1
		case j == len(y) || i < len(x) && common != nil && common[i+1][j] >= common[i][j+1] || i < len(x) && common == nil:
			edits = append(edits, edit{'-', x[i]})
			i++
		default:
			edits = append(edits, edit{'+', y[j]})
			j++
		}
	}
	keep(a[len(a)-suffix:])
	return edits
}

// lengths returns the lengths of the longest common subsequences of the ends
// of x and y, or nil where the table would be unreasonably large: then every
// old line goes before every new one comes.
func lengths(x, y []string) [][]int32 {
	const most = 16 << 20
	if len(x)*len(y) > most {
		return nil
	}
	table := make([][]int32, len(x)+1)
	for i := range table {
		table[i] = make([]int32, len(y)+1)
	}
	for i := len(x) - 1; i >= 0; i-- {
		for j := len(y) - 1; j >= 0; j-- {
			if x[i] == y[j] {
				table[i][j] = table[i+1][j+1] + 1
			} else {
				table[i][j] = max(table[i+1][j], table[i][j+1])
			}
		}
	}
	return table
}
