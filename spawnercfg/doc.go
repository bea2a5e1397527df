// Package spawnercfg says in Go what jupyterhub_config.py says in Python for
// a hub that uses SystemdSpawner.
package spawnercfg
