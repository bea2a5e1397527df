package journal

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzCursor holds that what is read as a cursor is written as one that means
// the same place.
func FuzzCursor(f *testing.F) {
	for _, seed := range []string{
		"s=4f6a834b9cf748ef8ac0972dfeca550a;i=7cf;b=17fc695a07a0ca6e0822e8f36c031199;m=2f;t=60ab1680d7260;x=72",
		"x=ffffffffffffffff;t=0;m=0;b=17FC695A-07A0-CA6E-0822-E8F36C031199;i=1;s=4f6a834b9cf748ef8ac0972dfeca550a;z=new",
		"s=4f6a834b9cf748ef8ac0972dfeca550a;i=7cf", "s=;i=;b=;m=;t=;x=", "i=-1", "i=10000000000000000", ";;", "",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		l, err := parseCursor(s)
		if err != nil {
			_, ok := errors.AsType[*SyntaxError](err)
			require.True(t, ok, "%v", err)
			require.Zero(t, l)
			return
		}
		again, err := parseCursor(l.cursor())
		require.NoError(t, err)
		require.Equal(t, l, again)
	})
}
