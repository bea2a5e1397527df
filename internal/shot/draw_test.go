package main

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParse(t *testing.T) {
	lines := parse("old\x1b[H\x1b[2Jplain \x1b[1;31mbad\x1b[0m.\r\n\r\nend")
	assert.Equal(t, []line{
		{{text: "plain "}, {text: "bad", colour: "#ff7b72", bold: true}, {text: "."}},
		nil,
		{{text: "end"}},
	}, lines)
	// A screen as hubctl top redraws it.
	assert.Equal(t, []line{{{text: "two"}}, {{text: "lines"}}}, parse("\x1b[?1049h\x1b[H\x1b[2J\x1b[Hone\x1b[K\x1b[J\x1b[Htwo\x1b[K\r\nlines\x1b[K\x1b[J\x1b[?1049l"))
	assert.NotPanics(t, func() { parse("\x1b"); parse("\x1b["); parse("\x1b[3") })
}

func TestWrap(t *testing.T) {
	red := span{text: "redred", colour: "#ff7b72"}
	assert.Equal(t, []line{
		{{text: "pl"}, {text: "re", colour: red.colour}},
		{{text: "dred", colour: red.colour}},
		{{text: "end"}},
		nil,
		{{text: "1234"}},
	}, wrap([]line{{{text: "pl"}, red}, {{text: "end"}}, nil, {{text: "1234"}}}, 4))
}

func TestDrawIsXML(t *testing.T) {
	picture := draw(parse("<a> & \x1b[32mb\x1b[0m\n"), 80)
	for d := xml.NewDecoder(strings.NewReader(string(picture))); ; {
		_, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
	}
	assert.Contains(t, string(picture), "&lt;a&gt; &amp; ")
}
