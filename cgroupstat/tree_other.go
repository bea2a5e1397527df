//go:build !linux

package cgroupstat

import (
	"context"
	"errors"
	"fmt"
	"runtime"
)

// tree is never made: control groups are Linux's.
type tree struct {
	mode            Mode
	mount, hostRoot string
}

func openTree(cfg Config) (*tree, error) {
	return nil, &Error{Op: "open", Path: cfg.Mount, Err: fmt.Errorf("%w on %s", errors.ErrUnsupported, runtime.GOOS)}
}

func (t *tree) stat(string, *Stats) error         { return errors.ErrUnsupported }
func (t *tree) groupOf(int) (string, error)       { return "", errors.ErrUnsupported }
func (t *tree) children(string) ([]string, error) { return nil, errors.ErrUnsupported }

func (t *tree) statUnified(string, []file, *Stats) error { return errors.ErrUnsupported }
func (t *tree) statLegacy(string, View, *Stats) error    { return errors.ErrUnsupported }

type group struct {
	files      []file
	incomplete bool
}

func (t *tree) openGroup(string, []file) (*group, error) { return nil, errors.ErrUnsupported }
func (t *tree) readGroup(*group, *[]byte, *Stats) error  { return errors.ErrUnsupported }
func (g *group) close()                                  {}
func openFilesLimit() int                                { return 0 }
func tooManyOpen(error) bool                             { return false }

func (t *tree) newWatcher() (*watcher, error) { return nil, errors.ErrUnsupported }

type watcher struct{}

func (w *watcher) add(string) error                      { return errors.ErrUnsupported }
func (w *watcher) addPrefix(string, string) error        { return errors.ErrUnsupported }
func (w *watcher) remove(string)                         {}
func (w *watcher) wait(context.Context) ([]Event, error) { return nil, errors.ErrUnsupported }
func (w *watcher) unread([]Event)                        {}
func (w *watcher) close() error                          { return nil }
