package journal

import (
	"math"
	"slices"
)

// merge yields the entries of several sources in order.
type merge struct {
	files   *files
	order   order
	plan    *plan
	sources []*source
	// current is the source that yielded last; next the one that comes first
	// of the others: as long as current stays ahead of it, the rest need not
	// be looked at.
	current, next *source
	last          location
}

// newMerge prepares a query over the held files. The limits, if not nil, say
// how many entries of each file are looked at; files without one are left
// out.
func newMerge(s *files, held []*openFile, p *plan, limits map[fileID]uint64) *merge {
	m := &merge{files: s, order: newOrder(held), plan: p}
	for _, f := range held {
		limit := uint64(math.MaxUint64)
		if limits != nil {
			limit = limits[f.id()]
		}
		src, err := p.open(f, limit)
		if err != nil {
			m.files.damaged(f, err)
			continue
		}
		if src != nil {
			m.sources = append(m.sources, src)
			m.advance(src)
		}
	}
	return m
}

// advance moves a source on, and drops it at its end or when its file fails.
func (m *merge) advance(s *source) bool {
	ok, err := s.step(m.plan, &m.order)
	if !ok {
		m.drop(s, err)
	}
	return ok
}

func (m *merge) drop(s *source, err error) {
	if err == nil {
		err = s.r.Damage()
	}
	if err != nil {
		m.files.damaged(s.file, err)
	}
	m.sources = slices.DeleteFunc(m.sources, func(other *source) bool { return other == s })
	m.current, m.next = nil, nil
}

// close tells of the damage that was met.
func (m *merge) close() {
	for len(m.sources) > 0 {
		m.drop(m.sources[0], nil)
	}
}

// step returns the source that stands at the next entry, nil at the end.
func (m *merge) step() *source {
	if m.current != nil {
		m.advance(m.current)
	}
	for {
		if m.current == nil || m.next != nil && m.compare(m.current, m.next) >= 0 {
			m.pick()
		}
		if m.current == nil {
			return nil
		}
		if !m.current.at.isCopyOf(&m.last) {
			m.last = m.current.at
			return m.current
		}
		m.advance(m.current)
	}
}

// pick looks at all sources for the first and the second.
func (m *merge) pick() {
	m.current, m.next = nil, nil
	for _, s := range m.sources {
		switch {
		case m.current == nil:
			m.current = s
		case m.compare(s, m.current) < 0:
			m.current, m.next = s, m.current
		case m.next == nil || m.compare(s, m.next) < 0:
			m.next = s
		}
	}
}

func (m *merge) compare(a, b *source) int {
	c := m.order.compare(&a.at, &b.at)
	if m.plan.reverse {
		return -c
	}
	return c
}
