//go:build !unix

package jfile

import (
	"errors"
	"os"
)

func mapFile(*os.File, int) ([]byte, error) { return nil, errors.ErrUnsupported }

func unmapFile([]byte) error { return nil }

func openFile(path string) (*os.File, error) { return os.Open(path) }

func statOf(os.FileInfo) stat { return stat{} }
