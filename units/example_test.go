package units_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"time"

	"github.com/hubhost/hubhost/units"
)

// Restart the hub and wait until it is up again.
func Example() {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	m, err := units.Connect(ctx, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()

	err = m.Restart(ctx, "jupyterhub.service")
	var job *units.JobError
	switch {
	case err == nil:
		fmt.Println("the hub is up")
	case errors.As(err, &job):
		// systemd tried, and it did not work out: ask why.
		if status, err := m.Status(ctx, job.Unit); err == nil {
			fmt.Println(units.Explain(status))
		}
	case errors.Is(err, fs.ErrPermission):
		fmt.Println("run this as root")
	default:
		fmt.Println(err)
	}
}

// List the sessions that run, with what they use.
func ExampleManager_Statuses() {
	ctx := context.Background()
	m, err := units.Connect(ctx, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()

	sessions, err := m.Statuses(ctx,
		units.Filter{Patterns: []string{"jupyter-*.service"}, States: []string{"running"}},
		units.FieldMainPID, units.FieldActiveSince, units.FieldMemoryCurrent, units.FieldMemoryMax)
	if err != nil {
		log.Fatal(err)
	}
	for _, s := range sessions {
		fmt.Println(s.Name, s.MainPID, s.ActiveSince.Format(time.DateTime), s.MemoryCurrent, "of", s.Limits.MemoryMax)
	}
}

// Give a session more memory and CPU while it runs, and take it back.
func ExampleManager_SetLimits() {
	ctx := context.Background()
	m, err := units.Connect(ctx, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()

	const unit = "jupyter-alice-singleuser.service"
	old, err := m.SetLimits(ctx, unit, units.Limits{
		MemoryMax:      units.Bytes(4 << 30),
		CPUQuotaPerSec: units.CPUs(2.5),
		TasksMax:       units.Infinity(),
	}, units.ThisBoot)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("memory limit was", old.MemoryMax)

	if _, err := m.SetLimits(ctx, unit, old, units.ThisBoot); err != nil {
		log.Fatal(err)
	}
}

// Say who starts, who stops, and why a session failed, as it happens.
func ExampleManager_Watch() {
	ctx := context.Background()
	m, err := units.Connect(ctx, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()

	for ev, err := range m.Watch(ctx, "jupyter-*.service", "jupyterhub.service") {
		if err != nil {
			log.Fatal(err) // of the context, or refused: the watch is over
		}
		switch ev.Kind {
		case units.UnitPresent, units.UnitStarted, units.UnitStopped, units.LimitsChanged:
			fmt.Println(ev.Unit, ev.Kind, ev.Status.Limits.MemoryMax)
		case units.UnitFailed:
			fmt.Println(ev.Unit, units.Explain(ev.Status))
		case units.Disconnected:
			fmt.Println(ev.Err) // it goes on by itself
		}
	}
}

// Say in words why a unit is down.
func ExampleExplain() {
	status := units.Status{
		Unit:       units.Unit{Name: "jupyter-bob-singleuser.service", LoadState: units.Loaded, ActiveState: units.Failed, SubState: "failed"},
		Result:     "exit-code",
		ExitReason: units.Exited,
		ExitStatus: 200,
		WorkingDir: "/home/bob",
	}
	why := units.Explain(status)
	fmt.Println(why.Code)
	fmt.Println(why.Cause)
	fmt.Println(why.Next)
	// Output:
	// exec-chdir
	// The process could not be started: the working directory does not exist or cannot be entered (200/CHDIR): /home/bob.
	// Create the directory for the unit's user; for a session that is the home directory, or user_workingdir in jupyterhub_config.py.
}

// Start a service that looks like a session, without a unit file.
func ExampleManager_StartTransient() {
	ctx := context.Background()
	m, err := units.Connect(ctx, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()

	err = m.StartTransient(ctx, "jupyter-test-singleuser.service", units.Transient{
		Command:          []string{"/usr/bin/sleep", "3600"},
		User:             "nobody",
		WorkingDirectory: "/",
		Type:             "exec",
		Limits:           units.Limits{MemoryMax: units.Bytes(256 << 20), TasksMax: units.Count(64)},
		Properties:       []units.Property{{Name: "NoNewPrivileges", Value: true}},
	})
	if err != nil {
		log.Fatal(err)
	}
}

// Manage another host.
func ExampleSSH() {
	ctx := context.Background()
	m, err := units.Connect(ctx, &units.Config{
		Dial: units.SSH("root@hub.example.org", "-o", "BatchMode=yes"),
	})
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()

	failed, err := m.List(ctx, units.Filter{States: []string{"failed"}})
	if err != nil {
		log.Fatal(err)
	}
	for _, u := range failed {
		fmt.Println(u.Name, u.Description)
	}
}

// Make a unit name of a user's name, whatever is in it.
func ExampleMangle() {
	for _, user := range []string{"alice", "alice@example.org", "a b*"} {
		name, err := units.Mangle("jupyter-"+user+"-singleuser", ".service")
		fmt.Println(name, err)
	}
	// Output:
	// jupyter-alice-singleuser.service <nil>
	// jupyter-alice@example.org-singleuser.service <nil>
	// jupyter-a\x20b\x2a-singleuser.service <nil>
}

// End a user's session. That there is none is not a failure.
func ExampleManager_Stop() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	m, err := units.Connect(ctx, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()

	unit, err := units.Mangle("jupyter-"+"alice", ".service") // whatever the user is called
	if err != nil {
		log.Fatal(err)
	}
	if err := m.Stop(ctx, unit); err != nil && !errors.Is(err, units.ErrNoSuchUnit) {
		log.Fatal(err)
	}
}
