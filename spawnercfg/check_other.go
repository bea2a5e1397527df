//go:build !linux

package spawnercfg

import (
	"context"
	"os/exec"
)

func setGroup(*exec.Cmd) {}

// waitGroup waits for the command, or until the context ends; processes that
// it has started are left alone.
func waitGroup(ctx context.Context, cmd *exec.Cmd) error {
	stop := context.AfterFunc(ctx, func() { cmd.Process.Kill() })
	defer stop()
	return cmd.Wait()
}
