package journal

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAppendJSON(t *testing.T) {
	e := collect(t, ReadExport(strings.NewReader(
		"__CURSOR=s=4f6a834b9cf748ef8ac0972dfeca550a;i=7cf;b=17fc695a07a0ca6e0822e8f36c031199;m=2f6b3cc21f;t=60ab1680d7260;x=725d88d26eaee10d\n"+
			"_BOOT_ID=17fc695a07a0ca6e0822e8f36c031199\nMESSAGE=a \"b\" \\ \t é </x>\nTAG=1\nPRIORITY=6\nTAG=2\nBIN=\xff\x00\n\n")))[0]
	const want = `{"__CURSOR":"s=4f6a834b9cf748ef8ac0972dfeca550a;i=7cf;b=17fc695a07a0ca6e0822e8f36c031199;m=2f6b3cc21f;t=60ab1680d7260;x=725d88d26eaee10d",` +
		`"__REALTIME_TIMESTAMP":"1700606931464800","__MONOTONIC_TIMESTAMP":"203662606879","__SEQNUM":"1999","__SEQNUM_ID":"4f6a834b9cf748ef8ac0972dfeca550a",` +
		`"_BOOT_ID":"17fc695a07a0ca6e0822e8f36c031199","MESSAGE":"a \"b\" \\ \t é </x>","TAG":["1","2"],"PRIORITY":"6","BIN":[255,0]}`
	assert.Equal(t, want, string(e.AppendJSON(nil, 0)))
	marshalled, err := json.Marshal(e)
	require.NoError(t, err)
	assert.JSONEq(t, want, string(marshalled))
}

// TestJSONAsJournalctl compares, member by member, with and without --all.
func TestJSONAsJournalctl(t *testing.T) {
	t.Parallel()
	_, judge := oddJournal(t)
	entries := collect(t, ReadExport(bytes.NewReader(judge.export(t))))
	for _, tt := range []struct {
		nullFrom int
		args     []string
	}{
		{0, []string{"--output=json", "--all"}},
		{JournalctlNullFrom, []string{"--output=json"}},
	} {
		theirs := strings.Split(strings.TrimSpace(string(judge.output(t, tt.args...))), "\n")
		require.Len(t, theirs, len(entries))
		for i, e := range entries {
			if len(e.data) > 100000 {
				continue // the judge's list of a million numbers takes seconds to parse
			}
			var want, got map[string]any
			require.NoError(t, json.Unmarshal([]byte(theirs[i]), &want))
			require.NoError(t, json.Unmarshal(e.AppendJSON(nil, tt.nullFrom), &got))
			if judge.version < 255 {
				delete(got, "__SEQNUM")
				delete(got, "__SEQNUM_ID")
			}
			assert.Equal(t, want, got, "%q", oddEntries()[i])
		}
	}
}

func FuzzAppendJSON(f *testing.F) {
	for _, m := range oddMessages[:len(oddMessages)-5] {
		f.Add("MESSAGE", m, "TAG", m)
	}
	f.Add("A", "1", "A", "2")
	f.Add("bad name", "", "", "x")
	f.Fuzz(func(t *testing.T, name, value, name2, value2 string) {
		var e Entry
		e.appendField([]byte(name), []byte(value))
		e.appendField([]byte(name2), []byte(value2))
		var members map[string]any
		require.NoError(t, json.Unmarshal(e.AppendJSON(nil, 0), &members))
		for _, n := range []string{name, name2} {
			// encoding/json replaces what is no UTF-8 in a name; such a name
			// is no field's.
			_, has := members[n]
			require.Equal(t, validFieldName([]byte(n)), has, "%q", n)
		}
		if name != name2 && validFieldName([]byte(name)) && !strings.HasPrefix(name, "_") && printableText([]byte(value), true) {
			require.Equal(t, value, members[name])
		}
	})
}
