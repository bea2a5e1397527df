//go:build !linux

package main

import (
	"context"
	"errors"
	"fmt"
)

func customize(context.Context, string, string) error {
	return fmt.Errorf("the image is built on Linux: %w", errors.ErrUnsupported)
}
