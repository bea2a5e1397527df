// Package units controls and watches the units of systemd over D-Bus: the
// hub, nginx and the transient unit of every user's session.
//
// Call [Connect] first. It returns a [Manager], which is safe for concurrent
// use, holds one connection and keeps it: a lost bus is dialled again, and
// whoever was waiting is told at once.
//
//	m, err := units.Connect(ctx, nil)
//	if err != nil {
//		return err
//	}
//	defer m.Close()
//	err = m.Restart(ctx, "jupyterhub.service")
//
// [Manager.Start], [Manager.Stop], [Manager.Restart] and their kin return when
// systemd's job is finished, and return a [*JobError] if it did not end as
// "done". [Manager.List] and [Manager.Statuses] tell what there is,
// [Manager.Status] tells all about one unit and [Explain] puts it in words.
// [Manager.SetLimits] changes the limits of a running unit and returns the old
// ones. [Manager.Watch] is one stream of changes.
//
// # Unit names
//
// Every method takes the full name of a unit, such as "nginx.service", exactly
// as systemd has it: no suffix is added and no glob expanded, except in the
// patterns of [Filter] and [Manager.Watch]. [Mangle] and [Escape] make a name
// of arbitrary text.
//
// # Errors
//
// The methods of a Manager return a [*JobError], a [*LimitError] or an
// [*Error]; which of them a method can return stands in its comment. These
// checks work on all:
//
//	errors.Is(err, units.ErrNoSuchUnit)     // and fs.ErrNotExist
//	errors.Is(err, fs.ErrPermission)        // refused by polkit or by the socket
//	errors.Is(err, units.ErrMasked)         // the unit is masked
//	errors.Is(err, units.ErrNoManager)      // no bus, or no systemd on it
//	errors.Is(err, units.ErrConnectionLost) // lost in the middle: look, then try again
//	errors.Is(err, units.ErrInvalidName)    // not a unit name: nothing was sent
//	errors.Is(err, context.DeadlineExceeded)
//
// # Privileges
//
// Listing, reading and watching need none. Everything that changes a unit is
// decided by polkit; root is always allowed. [Config.Interactive] lets polkit
// ask. The private socket of [Config.Private] is for root only.
//
// # Many units
//
// [Manager.Statuses] with the few fields that are needed is the cheapest way
// to look at all sessions: the states come with the list, and every field is
// one small question, as many of which are under way at once as the bus lets
// one connection have. For 200 units and eight properties, two of them in the
// list, that takes less than half as long as systemctl show for the same, which
// uses the private socket as root; with [Config.Private], a quarter (systemd
// 252 on two processors).
//
// # Another host
//
// [SSH] reaches a manager over ssh, as systemctl -H does.
//
// # Versions
//
// systemd 249 to 258 and later are meant, 252 (Debian 12) is the one this is
// measured on. What needs a newer one says so. The package only speaks D-Bus,
// and so builds and works on systems that have no systemd of their own.
//
// # Out of scope
//
// Reading and writing unit files, logs (package journal), accounting beyond
// what systemd itself reports (package cgroupstat), login sessions and
// machines.
package units
