//go:build !linux

package main

import "errors"

func record([]string, int) ([]byte, error) { return nil, errors.ErrUnsupported }
