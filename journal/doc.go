// Package journal reads and follows systemd's journal, without cgo and without
// journalctl: it opens journald's files and uses their own index.
//
// [Open] is the first call, with an empty [Config] for this host's journal.
// [Journal.Entries] then yields what a [Query] asks for:
//
//	j, err := journal.Open(journal.Config{})
//	if err != nil {
//		return err
//	}
//	defer j.Close()
//	for e, err := range j.Entries(ctx, journal.Query{Units: []string{"jupyter-alice"}, Newest: 100}) {
//		if err != nil {
//			return err
//		}
//		fmt.Println(e.Time(), e.Message())
//	}
//
// [Journal.Follow] yields entries as they are written, and [Journal.Unique],
// [Journal.Boots] and [Journal.Usage] tell what there is. [ParseTime] and
// [ParsePriorities] take what people give to journalctl's options.
//
// # Which entries
//
// A query selects exactly the entries that journalctl selects by the option of
// the same name; where versions of systemd differ, the field of [Query] says
// which way is taken. Entries of several files are put in order as systemd 255
// and later do. A field may hold any bytes and may occur more than once:
// nothing is lost of either, nor cut short.
//
// # Files
//
// Files of systemd 219 to 258 are read: with either hash function, compact or
// not, compressed by zstd, lz4 or xz. A file of a later format that announces
// itself as incompatible is skipped and reported. While a [Journal] is open,
// files may appear, be rotated, vacuumed, cut short or be broken: that never
// costs more than entries of the file itself, and [Journal.Skipped] tells of
// it. journald's files are mapped, and the faults that mapped files bring when
// they shrink are caught; see [runtime/debug.SetPanicOnFault].
//
// # Privileges
//
// The journal of the system is readable by root and by the members of the
// groups systemd-journal and, on Debian, adm; every user may read what the
// user's own processes have logged (files user-UID.journal). Files that may
// not be read are skipped and reported; where that is all of them, [Open]
// fails with an error that matches [io/fs.ErrPermission].
//
// The log of a unit that runs as a user, such as jupyter-alice.service, lies
// in two files: what its processes wrote in that user's, what the service
// manager says of it in the system's.
//
// # Errors
//
// What fails is an [*Error]; these checks tell what to do:
//
//	errors.Is(err, fs.ErrPermission) // run as root, or as a member of systemd-journal or adm
//	errors.Is(err, fs.ErrNotExist)   // no journal on this host, or not in that directory
//	errors.Is(err, fs.ErrInvalid)    // the query is wrong
//
// One file that cannot be read is no error: see [Journal.Skipped].
//
// # Other hosts
//
// [Query.Args] renders a query as arguments of journalctl, and [ReadExport]
// reads what `journalctl --output=export` and systemd-journal-gatewayd answer,
// so that a log on another host is a matter of running a command there.
// [WriteExport] and the JSON form go the other way.
//
// # Out of scope
//
// Writing to the journal, sealing and verifying files, message catalogs,
// namespaces (name their directory in [Config.Dirs]), and rotating or
// vacuuming. Files on a network file system are read, but where another host
// writes them, the fault guard is all that protects from half-written data.
package journal
