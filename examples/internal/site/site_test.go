package site

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestNames(t *testing.T) {
	for _, tt := range []struct{ template, user, unit, back string }{
		{template: "jupyter-{USERNAME}", user: "alice", unit: "jupyter-alice.service"},
		{template: "jupyter-{USERNAME}-singleuser", user: "a-b", unit: "jupyter-a-b-singleuser.service"},
		{template: "jupyter-{USERNAME}", user: "a b*", unit: `jupyter-a\x20b\x2a.service`},
		{template: "jupyter-{USERNAME}", user: "älice", unit: `jupyter-\xc3\xa4lice.service`},
		// systemd-run takes what ends like a unit for one: two users, one unit.
		{template: "jupyter-{USERNAME}", user: "x.service", unit: "jupyter-x.service", back: "x"},
	} {
		n := &Names{Hub: HubUnit, Proxy: ProxyUnit, Template: tt.template}
		unit, err := n.Session(tt.user)
		require.NoError(t, err)
		assert.Equal(t, tt.unit, unit)
		if tt.back == "" {
			tt.back = tt.user
		}
		user, ok := n.User(unit)
		assert.True(t, ok)
		assert.Equal(t, tt.back, user)
	}
	n := &Names{Hub: "jupyter-hub.service", Template: "jupyter-{USERNAME}"}
	for _, unit := range []string{"jupyter-hub.service", "nginx.service", "jupyter-.service", "jupyter-alice.slice"} {
		_, ok := n.User(unit)
		assert.False(t, ok, unit)
	}
	pattern, err := n.Pattern()
	require.NoError(t, err)
	assert.Equal(t, "jupyter-*.service", pattern)
	for _, template := range []string{"jupyter", "{USERNAME}-{USERID}", "*{USERNAME}"} {
		_, err := (&Names{Template: template}).Session("alice")
		assert.Error(t, err, template)
	}
}
