package main

import (
	"fmt"
	"log"
	"os"

	"github.com/hubhost/hubhost/spawnercfg"
)

func main() {
	options := spawnercfg.Options{
		JupyterHub: spawnercfg.JupyterHub{SpawnerClass: spawnercfg.Set("systemd")},
		SystemdSpawner: spawnercfg.SystemdSpawner{
			MemLimit:      spawnercfg.Set(2 * spawnercfg.GiB),
			CPULimit:      spawnercfg.Set(1.0),
			IsolateTmp:    spawnercfg.Set(true),
			ReadonlyPaths: spawnercfg.Set(spawnercfg.Templates("/srv/course")),
		},
	}
	python, err := options.Python()
	if err != nil {
		log.Fatal(err)
	}
	os.Stdout.Write(python)

	alice := spawnercfg.User{Name: "alice", ID: 7, UnixName: "alice", UID: 1001, GID: 1001, Home: "/home/alice"}
	unit, err := options.Unit(alice, spawnercfg.Hub{Environment: map[string]string{"PATH": "/opt/jupyterhub/bin"}})
	if err != nil {
		log.Fatal(err) // what SystemdSpawner would raise
	}
	fmt.Println(unit.Name, unit.Properties)
}
