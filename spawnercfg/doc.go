// Package spawnercfg says in Go what jupyterhub_config.py says in Python for
// a hub that uses SystemdSpawner, reads such a file, judges it, changes it,
// and foretells the systemd unit that a user gets by it.
//
// To write a configuration, fill in [Options] and call [Options.Python]. To
// read the administrator's own file, call [ReadFile]; [File.Lint] says what is
// wrong with it, [File.Options] what it sets, [File.Set] changes one option
// and no other byte, and [File.Install] puts it in place. Before that,
// [Checker.Check] asks the installed hub itself.
//
// [Options.Unit] and [Predict] foretell a user's unit: its name, the command
// line of systemd-run, and by [Unit.Reported] what systemd will say of it;
// [Drift] compares that with a running unit.
//
// # Unset, None and values
//
// Every option is an [Opt]: unset, in which case the hub's default holds, set
// to Python's None by [None], or set to a value by [Set]. Amounts of memory
// are a [ByteSize]; text in which SystemdSpawner fills in the user is a
// [Template], and [Literal] text in it stays as it is, whatever it holds.
//
// # Errors
//
// What is wrong with a configuration is a [Finding] in a [Report], and its code
// a target of [errors.Is]. What could not be done is an error; these checks tell
// what to do:
//
//	errors.Is(err, fs.ErrNotExist)                 // no such file
//	errors.AsType[*spawnercfg.ParseError](err)     // not Python: where, and why
//	errors.AsType[*spawnercfg.EditError](err)      // only a person can change this option
//	errors.Is(err, spawnercfg.ErrUnsure)           // only running the file could tell the value
//	errors.AsType[*pyvalue.Exception](err)    // what SystemdSpawner would raise
//	errors.Is(err, spawnercfg.ErrChanged)          // someone else changed the file meanwhile
//
// # Safety
//
// What is written holds assignments of literals and nothing else, whatever
// the values; what no literal says safely is an error. Reading never executes
// anything: an option that only running the file could tell is not certain,
// and says why. [Checker.Check] alone executes the file.
//
// Environment variables of a user's server are foretold by name: the values
// hold tokens.
//
// # Versions
//
// Options are those of JupyterHub 5.5 and SystemdSpawner 1.0; since JupyterHub
// 2.3 few were added ([Trait.Since]) and none changed. Units are foretold as
// SystemdSpawner 1.0.2 asks for them and systemd 252 makes them; it needs 243.
// Files may be of any Python 3.
//
// # Out of scope
//
// This package starts no servers and talks to no hub and no systemd. Other
// spawners' options can be written and read as [Options.Other], and are not
// judged. Python code in a configuration, such as hooks, is kept as it is.
package spawnercfg
