// Package bench does the same work with this module and with its peers, side
// by side, so that every figure in the README can be printed again:
//
//	cd internal/bench && go test -bench . -benchtime 3x
//
// It is a module of its own: the peers' dependencies are none of the
// library's.
package bench
