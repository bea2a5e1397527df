// Command hubctl shows and controls what runs on a hub's host: the hub, the
// web server in front of it, and its users' sessions.
package main

import (
	"os"

	"github.com/hubhost/hubhost/internal/cli"
)

var app = &cli.App{
	Name:    "hubctl",
	Summary: "the hub, its proxy and its users' sessions",
	Commands: []*cli.Command{
		{
			Name: "status", Setup: status,
			Summary: "Show hub, proxy, sessions in all, the limits of a new session, and the certificate's days left.",
			Example: "hubctl status\nhubctl -H root@hub.example.org status --json",
		},
		{
			Name: "sessions", Setup: sessions,
			Summary: "List the users' sessions with what they use of their limits.",
			Example: "hubctl sessions\nhubctl -H root@hub.example.org sessions --json",
		},
		{
			Name: "top", Setup: top,
			Summary: "Watch the sessions, the greatest first. Keys: m memory, c CPU, i I/O, u user, q quit.",
			Example: "hubctl top --sort cpu\nhubctl top -n 1 --json",
		},
		{
			Name: "limit", Args: "USER", Setup: limit,
			Summary: "Change the limits of a running session, without a restart.",
			Example: "hubctl limit alice --memory 4G --cpu 2 --dry-run\nhubctl limit alice --memory infinity --for-good",
		},
		{
			Name: "why", Args: "USER|hub|proxy", Setup: why,
			Summary: "Say why a session is in the state that it is in: explanation, memory kills and last log lines together.",
			Example: "hubctl why alice\nhubctl why hub -n 50",
		},
		{
			Name: "restart", Args: "[hub|proxy]", Setup: restart,
			Summary: "Restart the hub, and wait until it runs.",
			Example: "hubctl restart --dry-run\nhubctl restart",
		},
		{
			Name: "stop", Args: "USER", Setup: stop,
			Summary: "Stop a user's session.",
			Example: "hubctl stop alice",
		},
		{
			Name: "idle", Setup: idle,
			Summary: "Watch for a while, and list the sessions that used next to no CPU in all of it.",
			Example: "hubctl idle --for 1h",
		},
		{
			Name: "drift", Setup: drift,
			Summary: "Compare the configuration with the sessions that run.",
			Example: "hubctl drift\nhubctl drift -H root@hub.example.org --config copy_of_its_config.py",
		},
	},
}

func main() { os.Exit(app.Main()) }
