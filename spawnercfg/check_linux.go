package spawnercfg

import (
	"context"
	"errors"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

// setGroup puts the command into a process group of its own.
func setGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// waitGroup waits for the command, or until the context ends, and kills what
// is left of its group. Every kill is sent before the leader is reaped: from
// then on its number may be that of another group.
func waitGroup(ctx context.Context, cmd *exec.Cmd) error {
	kill := func() { unix.Kill(-cmd.Process.Pid, unix.SIGKILL) }
	exited, watched := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(watched)
		select {
		case <-ctx.Done():
			kill()
		case <-exited:
		}
	}()
	var err error
	for {
		err = unix.Waitid(unix.P_PID, cmd.Process.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			break
		}
	}
	close(exited)
	<-watched
	kill()
	return errors.Join(err, cmd.Wait())
}
