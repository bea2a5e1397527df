package units

import (
	"fmt"
	"strings"
	"syscall"
)

// Explanation says in words what became of a unit.
type Explanation struct {
	// Code is a stable name in kebab-case, such as "exec-chdir" or
	// "oom-kill", for programs. "ok" means that nothing is wrong.
	Code string
	// Cause is one sentence: what happened.
	Cause string
	// Next is what the administrator does about it; empty if there is nothing
	// to do.
	Next string
}

// OK tells whether nothing is wrong with the unit.
func (e Explanation) OK() bool { return e.Code == "ok" }

// String returns the cause and the next step.
func (e Explanation) String() string {
	return strings.TrimSpace(e.Cause + " " + e.Next)
}

// Explain says why a unit is in the state that it is in, from its load state,
// result, exit reason and status. Of what [Manager.Status] and the events of
// [Manager.Watch] return it needs no more, and it asks nobody; the names of
// directories, programs and users are in the text if Status has them.
func Explain(s Status) Explanation {
	log := "journalctl -u " + quoted(s.Name) + " -n 50"
	switch s.LoadState {
	case NotFound:
		if s.ActiveState == Inactive || s.ActiveState == "" {
			return Explanation{"not-found", "There is no unit file for " + s.Name + ".",
				"Check the name; after installing or writing a unit file, run systemctl daemon-reload. A session's unit exists only while the session runs or has failed."}
		}
	case Masked:
		return Explanation{"masked", s.Name + " is masked: nothing can start it.", "systemctl unmask " + operand(s.Name)}
	case BadSetting, LoadFailed:
		cause := strings.TrimRight("The unit file of "+s.Name+" cannot be used: "+s.LoadError, ":. ")
		return Explanation{"bad-unit-file", cause + ".",
			"systemd-analyze verify " + operand(s.Name) + " shows the line; then systemctl daemon-reload."}
	}
	if s.ActiveState != Failed {
		switch {
		case s.ActiveState == Activating && s.Result != "" && s.Result != "success":
			e := explainResult(s, log)
			e.Cause += " systemd is starting it again."
			return e
		case s.ActiveState == Inactive && s.Result != "" && s.Result != "success":
			return explainResult(s, log)
		case s.ActiveState == Inactive || s.ActiveState == "":
			return Explanation{Code: "ok", Cause: s.Name + " is not running, and did not fail."}
		case strings.HasPrefix(s.SubState, "auto-restart"):
			return Explanation{Code: "ok", Cause: s.Name + " ended without an error, and systemd is starting it again."}
		}
		return Explanation{Code: "ok", Cause: strings.TrimSuffix(fmt.Sprintf("%s is %s (%s).", s.Name, s.ActiveState, s.SubState), " ().")}
	}
	return explainResult(s, log)
}

// explainResult is about a service that failed. The words are the values of
// the property Result; see systemd.service(5) and org.freedesktop.systemd1(5).
func explainResult(s Status, log string) Explanation {
	reset := "systemctl reset-failed " + operand(s.Name)
	switch s.Result {
	case "oom-kill":
		limit := ""
		if n, ok := s.Limits.MemoryMax.Uint64(); ok {
			limit = fmt.Sprintf(" of %d bytes", n)
		}
		return Explanation{"oom-kill", "A process was killed because the memory limit" + limit + " was reached, or the host ran out of memory.",
			"Raise MemoryMax (mem_limit in jupyterhub_config.py for sessions), or have the user load less at once; if the host itself ran out, lower the sum of the limits."}
	case "timeout":
		return Explanation{"timeout", "It did not start or stop within its time limit, or ran for longer than it may, and was ended.",
			log + " shows what it was doing; if it needs that long, raise TimeoutStartSec=, TimeoutStopSec= or RuntimeMaxSec=."}
	case "watchdog":
		return Explanation{"watchdog", "It did not report to systemd's watchdog in time and was killed: it hung.",
			log + "; if it was only busy, raise WatchdogSec=."}
	case "start-limit-hit":
		return Explanation{"start-limit-hit", "It was started too often in a short time, and systemd refuses to try again.",
			"Find why the earlier starts failed with " + log + ", mend that, then " + reset + " and start it."}
	case "protocol":
		return Explanation{"protocol", "It ended, or did not tell its process ID, before it said that it was ready.",
			"Check that Type= fits the program: notify needs sd_notify, forking needs a PIDFile."}
	case "resources":
		return Explanation{"resources", "systemd could not set up what it needs: memory, a process, a file, or an EnvironmentFile= that does not exist.",
			log + " names what was missing. A session's environment file is in /run: start the session through the hub, not by hand."}
	case "exec-condition":
		return Explanation{"exec-condition", "A command of ExecCondition= said that it is not to run.", "Check that condition; this is not an error of the program."}
	case "signal", "core-dump":
		return explainSignal(s, log)
	case "exit-code":
		return explainExit(s, log)
	case "success", "":
		return Explanation{"failed", s.Name + " has failed.", log}
	}
	return Explanation{"failed", s.Name + " has failed with the result " + s.Result + ".", log}
}

// helper is what to do when a command beside the main process failed.
const helper = " shows which of ExecStartPre=, ExecStartPost=, ExecStop= or ExecStopPost= it was."

func explainSignal(s Status, log string) Explanation {
	if s.ExitReason != Killed && s.ExitReason != Dumped {
		return Explanation{s.Result, "A command of the unit, not its main process, was ended by a signal.", log + helper}
	}
	name := fmt.Sprintf("signal %d (%s)", s.ExitStatus, syscall.Signal(s.ExitStatus))
	switch {
	case s.ExitReason == Dumped || s.Result == "core-dump":
		return Explanation{"core-dump", "The main process crashed with " + name + " and dumped core.",
			"coredumpctl info " + operand(s.Name) + " shows where, if systemd-coredump is installed; else " + log + "."}
	case syscall.Signal(s.ExitStatus) == syscall.SIGKILL:
		return Explanation{"signal", "The main process was killed with SIGKILL, by a person, by a program, or by the kernel for lack of memory.",
			"journalctl -k --grep 'Out of memory|oom' tells whether it was the kernel; if so, raise the memory limit."}
	}
	return Explanation{"signal", "The main process was ended by " + name + ".", log}
}

// exitStatuses are those that systemd itself gives a process which it could
// not set up: systemd.exec(5), "Process Exit Codes". They mean that only if
// the program did not choose them by itself.
var exitStatuses = map[int32]struct{ name, cause, next string }{
	200: {"chdir", "the working directory does not exist or cannot be entered", "Create the directory for the unit's user; for a session that is the home directory, or user_workingdir in jupyterhub_config.py."},
	201: {"nice", "the nice level could not be set", "Check Nice= and LimitNICE=."},
	202: {"fds", "file descriptors could not be prepared", "Check the unit's sockets and LimitNOFILE=."},
	203: {"exec", "the program does not exist, is not executable, or its interpreter is missing", "Check the path, its mode and its first line; for a session: cmd in jupyterhub_config.py, and that JupyterHub is installed there."},
	204: {"memory", "there was not enough memory to set the process up", "Free memory on the host, or raise the unit's MemoryMax."},
	205: {"limits", "a resource limit could not be set", "Check the Limit…= settings: a soft limit above the hard one, or above what the host allows."},
	206: {"oom-adjust", "the OOM score could not be set", "Check OOMScoreAdjust=."},
	207: {"signal-mask", "the signal mask could not be set", "Check IgnoreSIGPIPE=; otherwise report it: this does not happen by configuration."},
	208: {"stdin", "standard input could not be set up", "Check StandardInput=, and that the file or terminal exists."},
	209: {"stdout", "standard output could not be set up", "Check StandardOutput=: the directory of a log file must exist, and the journal must run."},
	210: {"chroot", "the root directory could not be changed", "Check that RootDirectory= exists."},
	211: {"ioprio", "the I/O priority could not be set", "Check IOSchedulingClass= and IOSchedulingPriority=."},
	212: {"timerslack", "the timer slack could not be set", "Check TimerSlackNSec=."},
	213: {"securebits", "the secure bits could not be set", "Check SecureBits=."},
	214: {"setscheduler", "the CPU scheduler could not be set", "Check CPUSchedulingPolicy= and CPUSchedulingPriority=."},
	215: {"cpuaffinity", "the CPU affinity could not be set", "Check that the CPUs of CPUAffinity= exist."},
	216: {"group", "the group does not exist or could not be taken on", "Check Group= with getent group; the account may be missing on this host."},
	217: {"user", "the user does not exist or could not be taken on", "Check User= with getent passwd; for a session the Unix account is missing: create it, or see username_template in jupyterhub_config.py."},
	218: {"capabilities", "capabilities could not be dropped or granted", "Check CapabilityBoundingSet= and AmbientCapabilities=; in a container they may not be available."},
	219: {"cgroup", "the control group could not be set up", "Check that the cgroup file system is mounted and not at its limit of groups."},
	220: {"setsid", "a new session of processes could not be made", "Report it: this does not happen by configuration."},
	221: {"confirm", "a person at the console declined the start", "Remove systemd.confirm_spawn from the kernel's command line."},
	222: {"stderr", "standard error could not be set up", "Check StandardError=: the directory of a log file must exist."},
	224: {"pam", "PAM refused the session", "Check PAMName= and /etc/pam.d, and that the account is not expired or locked."},
	225: {"network", "the network namespace could not be set up", "Check PrivateNetwork= and NetworkNamespacePath=."},
	226: {"namespace", "the mount namespace could not be set up: most often a path of the isolation settings does not exist", "Check ReadOnlyPaths=, ReadWritePaths=, BindPaths= and the like (readonly_paths and readwrite_paths in jupyterhub_config.py); put \"-\" before a path that may be missing."},
	227: {"no-new-privileges", "gaining privileges could not be forbidden", "The kernel is too old for NoNewPrivileges=."},
	228: {"seccomp", "the filter of system calls could not be set", "Check SystemCallFilter= and SystemCallArchitectures=."},
	229: {"selinux-context", "the SELinux context could not be set", "Check SELinuxContext=, or the label of the program."},
	230: {"personality", "the execution domain could not be set", "Check Personality=."},
	231: {"apparmor", "the AppArmor profile could not be entered", "Check that the profile of AppArmorProfile= is loaded."},
	232: {"address-families", "the address families could not be restricted", "Check RestrictAddressFamilies=."},
	233: {"runtime-directory", "the runtime directory could not be made", "Check RuntimeDirectory= and that /run is not full; for a session, that the unit's name makes one valid directory name."},
	235: {"chown", "a socket or directory could not be given to the user", "Check SocketUser= and SocketGroup=."},
	236: {"smack-process-label", "the SMACK label could not be set", "Check SmackProcessLabel=."},
	237: {"keyring", "the kernel keyring could not be set up", "Check KeyringMode=, and the limit of keys of the user in /proc/sys/kernel/keys."},
	238: {"state-directory", "the state directory could not be made", "Check StateDirectory= and that /var/lib is writable and not full."},
	239: {"cache-directory", "the cache directory could not be made", "Check CacheDirectory= and that /var/cache is writable and not full."},
	240: {"logs-directory", "the log directory could not be made", "Check LogsDirectory= and that /var/log is writable and not full."},
	241: {"configuration-directory", "the configuration directory could not be made", "Check ConfigurationDirectory= and that /etc is writable."},
	242: {"numa-policy", "the NUMA memory policy could not be set", "Check NUMAPolicy= and NUMAMask=."},
	243: {"credentials", "the credentials could not be set up", "Check LoadCredential= and SetCredential=: the file must exist."},
	244: {"bpf", "the BPF restriction of file systems could not be set", "Check RestrictFileSystems=, and that the kernel has the BPF LSM."},
}

func explainExit(s Status, log string) Explanation {
	if s.ExitReason != Exited {
		return Explanation{"exit-code", "A command of the unit, not its main process, ended with an error.", log + helper}
	}
	if known, ok := exitStatuses[s.ExitStatus]; ok {
		cause := fmt.Sprintf("The process could not be started: %s (%d/%s)", known.cause, s.ExitStatus, statusName(known.name))
		var what string
		switch s.ExitStatus {
		case 200:
			what = strings.TrimLeft(s.WorkingDir, "!-")
		case 203:
			what = s.Executable
		case 217:
			what = s.User
		}
		if what != "" {
			cause += ": " + what
		}
		return Explanation{"exec-" + known.name, cause + ".", known.next}
	}
	switch {
	case s.ExitStatus == 0:
		return Explanation{"exit-code", "A command of the unit failed after the main process had ended well.", log}
	case s.ExitStatus == 127 || s.ExitStatus == 126:
		return Explanation{"exit-code", fmt.Sprintf("The main process ended with status %d: what a shell or env says of a command that it cannot find or run.", s.ExitStatus),
			log + " names the command; check the PATH that the unit has (extra_paths in jupyterhub_config.py)."}
	}
	return Explanation{"exit-code", fmt.Sprintf("The main process ended by itself with status %d.", s.ExitStatus), log + " shows its last words."}
}

// statusName is how systemd prints the name of a status.
func statusName(name string) string {
	return strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
}

// quoted makes a unit name safe to paste into a shell: names may have
// backslashes, and nothing else that a shell would take for its own.
func quoted(name string) string {
	if strings.ContainsFunc(name, func(r rune) bool { return r > 127 || !isNameByte(byte(r)) && r != '@' || r == '\\' }) {
		return "'" + strings.ReplaceAll(name, "'", `'\''`) + "'"
	}
	return name
}

// operand is the name as a program's argument that is not an option, also if
// it looks like one: "-Hroot@example.service" is a name.
func operand(name string) string {
	if strings.HasPrefix(name, "-") {
		return "-- " + quoted(name)
	}
	return quoted(name)
}
