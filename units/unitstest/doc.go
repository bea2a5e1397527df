// Package unitstest is a service manager for tests of programs that use
// package units: it has units, jobs, properties and signals as systemd has
// them on D-Bus, without a process behind any of them, and misbehaves when it
// is told to.
//
//	fake := unitstest.New(t, unitstest.Options{})
//	fake.Add(unitstest.Unit{Name: "jupyterhub.service"})
//	m, err := units.Connect(ctx, fake.Config())
//
// Without more, each connection goes to the fake directly and through memory,
// as over systemd's private socket. With a [Bus], which needs the program
// dbus-daemon, all goes over a real bus.
package unitstest
