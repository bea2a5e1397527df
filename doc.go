// Package hubhost is the index of a set of independent packages for the
// machine that a JupyterHub runs on when SystemdSpawner starts its users'
// servers as systemd units. It holds no code itself: import the package of
// the task at hand.
//
//	set limits, isolation, paths and security options in jupyterhub_config.py   spawnercfg
//	check that file, and know the unit that a user will get                     spawnercfg
//	put a certificate and its key in place, or make a pair for a test host      certs
//	restart, reload and watch the hub and nginx; list user sessions             units
//	change a running session's limits; say why a session died                   units
//	see what each session uses against its limits, and who was killed           cgroupstat
//	read and follow the hub's log and each user's log                           journal
//
// The packages never import one another: a program that only reads logs pays
// for nothing else. What joins them is shown by the programs under examples.
//
// # Contracts that hold in every package
//
// A [context.Context] comes first and is honoured all the way: a cancelled
// wait returns at once and leaves nothing behind.
//
// The zero value of an option is its documented default. Where unset, none
// and a value differ, they are three different things.
//
// Errors are typed, and match [io/fs.ErrNotExist] and [io/fs.ErrPermission]
// where those are meant. Missing, unreadable, malformed and zero are four
// different answers.
//
// Findings of a check are data with stable codes, not errors.
//
// Every path and address is a field with a default, so that a test, a
// container or a mounted host root works.
//
// Nothing is logged, nothing runs through a shell, and no goroutine outlives
// the Close of what started it.
//
// Linux is the target. Elsewhere the packages compile, and what cannot work
// there returns [errors.ErrUnsupported].
package hubhost
