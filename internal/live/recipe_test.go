package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestHashNamesTheRecipe(t *testing.T) {
	bookworm, err := releases["bookworm"].hash()
	require.NoError(t, err)
	again, err := releases["bookworm"].hash()
	require.NoError(t, err)
	trixie, err := releases["trixie"].hash()
	require.NoError(t, err)
	assert.Equal(t, bookworm, again)
	assert.NotEqual(t, bookworm, trixie)
	assert.Len(t, bookworm, 16)
}
