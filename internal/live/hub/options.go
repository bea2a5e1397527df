package hub

import (
	"time"

	"github.com/hubhost/hubhost/spawnercfg"
)

// Users are the people of the live host who may use the hub. Ada is in the
// group adm, which may read the system's journal.
var Users = []string{"ada", "alice", "bob", "carol", "eve"}

// Options is the configuration of the hub in the live host: a set-up such as
// an administrator wants, with everything on that a property of the user's
// unit shows. The token is that of the service which drives the API.
func Options(token string) spawnercfg.Options {
	const service = "live-tests"
	return spawnercfg.Options{
		JupyterHub: spawnercfg.JupyterHub{
			SpawnerClass:       spawnercfg.Set("systemd"),
			AuthenticatorClass: spawnercfg.Set("dummy"),
			BindURL:            spawnercfg.Set("http://127.0.0.1:8000"),
			TornadoSettings: spawnercfg.Set(spawnercfg.TornadoSettings{
				Headers: spawnercfg.RecommendedHeaders(),
			}),
			Services: spawnercfg.Set([]spawnercfg.Service{{Name: service, APIToken: token}}),
			LoadRoles: spawnercfg.Set([]spawnercfg.Role{{
				Name:     "live-tests",
				Scopes:   []string{"admin:users", "admin:servers", "admin:server_state", "access:servers"},
				Services: []string{service},
			}}),
		},
		Authenticator: spawnercfg.Authenticator{
			AllowedUsers: spawnercfg.Set(Users),
		},
		// The proxy has a unit of its own: as a child of the hub it has ten
		// seconds to start, which emulated processors do not always keep.
		ConfigurableHTTPProxy: spawnercfg.ConfigurableHTTPProxy{
			ShouldStart: spawnercfg.Set(false),
		},
		SystemdSpawner: spawnercfg.SystemdSpawner{
			UnitNameTemplate: spawnercfg.Set(spawnercfg.MustTemplate("jupyter-{USERNAME}")),
			Cmd:              spawnercfg.Set(spawnercfg.Templates("/opt/jupyterhub/bin/jupyterhub-singleuser")),
			MemLimit:         spawnercfg.Set(1 * spawnercfg.GiB),
			CPULimit:         spawnercfg.Set(1.0),
			IsolateTmp:       spawnercfg.Set(true),
			IsolateDevices:   spawnercfg.Set(true),
			DisableUserSudo:  spawnercfg.Set(true),
			ReadonlyPaths:    spawnercfg.Set(spawnercfg.Templates("/")),
			ReadwritePaths:   spawnercfg.Set(spawnercfg.Templates("/home/{USERNAME}")),
			// On emulated processors that others keep busy, a server takes
			// minutes to answer.
			StartTimeout: spawnercfg.Set(5 * time.Minute),
			HTTPTimeout:  spawnercfg.Set(5 * time.Minute),
		},
	}
}
