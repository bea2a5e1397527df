package spawnercfg_test

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/hubhost/hubhost/spawnercfg"
)

// Two gigabytes and one CPU a user, each in a /tmp and /dev of their own, and
// sessions that outlive a restart of the hub.
func ExampleOptions_Python() {
	options := spawnercfg.Options{
		JupyterHub: spawnercfg.JupyterHub{
			SpawnerClass:   spawnercfg.Set("systemd"),
			CleanupServers: spawnercfg.Set(false),
			TornadoSettings: spawnercfg.Set(spawnercfg.TornadoSettings{
				Headers: spawnercfg.RecommendedHeaders(),
			}),
		},
		SystemdSpawner: spawnercfg.SystemdSpawner{
			MemLimit:       spawnercfg.Set(2 * spawnercfg.GiB),
			CPULimit:       spawnercfg.Set(1.0),
			IsolateTmp:     spawnercfg.Set(true),
			IsolateDevices: spawnercfg.Set(true),
			ReadonlyPaths:  spawnercfg.Set(spawnercfg.Templates("/")),
			ReadwritePaths: spawnercfg.Set([]spawnercfg.Template{
				spawnercfg.Join(spawnercfg.Literal("/home/"), spawnercfg.Username()),
			}),
		},
	}
	python, err := options.Python()
	if err != nil {
		fmt.Println(err)
		return
	}
	os.Stdout.Write(python)
	// Output:
	// # -*- coding: utf-8 -*-
	// c = get_config()  # noqa: F821
	//
	// c.JupyterHub.spawner_class = 'systemd'
	// c.JupyterHub.cleanup_servers = False
	// c.JupyterHub.tornado_settings = {
	//     'headers': {
	//         'Content-Security-Policy': "frame-ancestors 'none'; object-src 'none'; base-uri 'self'; report-uri /hub/security/csp-report",
	//         'Strict-Transport-Security': 'max-age=31536000',
	//         'X-Content-Type-Options': 'nosniff',
	//         'Referrer-Policy': 'same-origin',
	//     },
	// }
	//
	// c.SystemdSpawner.mem_limit = '2G'
	// c.SystemdSpawner.cpu_limit = 1.0
	// c.SystemdSpawner.isolate_tmp = True
	// c.SystemdSpawner.isolate_devices = True
	// c.SystemdSpawner.readonly_paths = ['/']
	// c.SystemdSpawner.readwrite_paths = ['/home/{USERNAME}']
}

// What alice gets by such options, before any server is started.
func ExampleOptions_Unit() {
	options := spawnercfg.Options{
		SystemdSpawner: spawnercfg.SystemdSpawner{
			MemLimit:   spawnercfg.Set(2 * spawnercfg.GiB),
			CPULimit:   spawnercfg.Set(1.15),
			IsolateTmp: spawnercfg.Set(true),
			Cmd:        spawnercfg.Set(spawnercfg.Templates("/opt/jupyterhub/bin/jupyterhub-singleuser")),
		},
	}
	unit, err := options.Unit(spawnercfg.User{
		Name: "alice", ID: 1,
		UnixName: "alice", UID: 1001, GID: 1001, Home: "/home/alice",
	}, spawnercfg.Hub{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(unit.Name)
	for _, p := range unit.Properties {
		fmt.Println(p.Name, p.Value)
	}
	// Output:
	// jupyter-alice-singleuser.service
	// PrivateTmp yes
	// MemoryAccounting yes
	// MemoryMax 2147483648
	// CPUAccounting yes
	// CPUQuota 114%
	// NoNewPrivileges yes
	// RuntimeDirectory jupyter-alice-singleuser
	// RuntimeDirectoryMode 700
	// RuntimeDirectoryPreserve restart
	// OOMPolicy continue
	// EnvironmentFile /run/jupyter-alice-singleuser/jupyter-alice-singleuser.env
}

// What is wrong with a file, before the hub sees it.
func ExampleFile_Lint() {
	file, err := spawnercfg.Parse([]byte(`
c.JupyterHub.spawner_class = 'systemd'
c.JupyterHub.cleanup_servers = False
c.SystemdSpawner.mem_limit = '2GB'
c.SystemdSpawner.isolate_tpm = True
c.SystemdSpawner.readonly_paths = ['/opt/{USER}']
`), spawnercfg.ParseOptions{Path: "/opt/jupyterhub/etc/jupyterhub/jupyterhub_config.py"})
	if err != nil {
		fmt.Println(err)
		return
	}
	report := file.Lint()
	for _, f := range report {
		fmt.Printf("%d: %s %s: %s\n", f.Pos.Line, f.Severity, f.Code, f.Hint)
	}
	fmt.Println(errors.Is(report.Err(), spawnercfg.CodeByteSize))
	// Output:
	// 4: error bad-memory-size: write '2G'
	// 5: error unknown-option: write c.SystemdSpawner.isolate_tmp
	// 6: error bad-template: write {{ and }} for braces; the fields are {USERNAME} and {USERID}
	// true
}

// The options that a newer configuration changes.
func ExampleDiff() {
	old := spawnercfg.Options{SystemdSpawner: spawnercfg.SystemdSpawner{
		MemLimit: spawnercfg.Set(2 * spawnercfg.GiB),
	}}
	now := old
	now.SystemdSpawner.MemLimit = spawnercfg.Set(4 * spawnercfg.GiB)
	now.SystemdSpawner.Slice = spawnercfg.Set("users.slice")
	was, _ := old.Settings()
	is, _ := now.Settings()
	for _, change := range spawnercfg.Diff(was, is) {
		fmt.Println(change)
	}
	// Output:
	// SystemdSpawner.mem_limit: '2G' -> '4G'
	// SystemdSpawner.slice: (unset) -> 'users.slice'
}

// Whether a running unit is still as the options say.
func ExampleDrift() {
	unit, err := spawnercfg.Options{
		SystemdSpawner: spawnercfg.SystemdSpawner{MemLimit: spawnercfg.Set(2 * spawnercfg.GiB)},
	}.Unit(
		spawnercfg.User{Name: "alice", UnixName: "alice", UID: 1001, GID: 1001, Home: "/home/alice"},
		spawnercfg.Hub{LookPath: func(command, _ string) string { return "/opt/jupyterhub/bin/" + command }},
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	reported := unit.Reported() // of systemd, in earnest
	reported["MemoryMax"] = uint64(8 << 30)
	for _, f := range spawnercfg.Drift(unit, reported) {
		fmt.Println(f.Option, f.Message)
	}
	// Output:
	// SystemdSpawner.mem_limit jupyter-alice-singleuser.service: MemoryMax is 8589934592, and 2147483648 by the options
}

// A path that comes from elsewhere stays what it is, braces and all.
func ExampleLiteral() {
	dir := "/srv/{shared}"
	template := spawnercfg.Join(spawnercfg.Literal(dir), spawnercfg.Literal("/"), spawnercfg.Username())
	fmt.Println(template)
	// Output:
	// /srv/{{shared}}/{USERNAME}
}

// Ask the installed hub, which runs the file, before it is put in place.
func ExampleChecker_Check() {
	checker := spawnercfg.Checker{Python: "/opt/jupyterhub/bin/python"}
	result, err := checker.Check(context.Background(), "/opt/jupyterhub/etc/jupyterhub/jupyterhub_config.py")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, f := range result.Report {
		fmt.Println(f)
	}
}
