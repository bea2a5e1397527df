package testenv

// RuntimeCalls are the system calls that the Go runtime makes of itself, when
// and as often as it likes: a test that counts or lists calls by strace leaves
// them out.
var RuntimeCalls = []string{
	"futex", "madvise", "mmap", "munmap", "mprotect", "nanosleep", "clock_nanosleep", "sched_yield", "tgkill", "getpid", "gettid", "clone", "clone3",
	"rt_sigprocmask", "rt_sigreturn", "rt_sigaction", "sigaltstack", "epoll_ctl", "epoll_pwait", "epoll_wait", "restart_syscall", "exit_group", "exit",
}
