package spawnercfg_test

import (
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
