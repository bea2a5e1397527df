package main

import "fmt"

// hubConfig is the hub's jupyterhub_config.py.
func hubConfig(apiToken, proxyToken string) ([]byte, error) {
	return fmt.Appendf(nil, hubConfigFormat, apiToken, proxyToken), nil
}

const hubConfigFormat = `c = get_config()
c.JupyterHub.bind_url = 'http://127.0.0.1:8000'
c.JupyterHub.spawner_class = 'systemdspawner.SystemdSpawner'
c.JupyterHub.authenticator_class = 'dummy'
c.Authenticator.allowed_users = {'ada', 'alice', 'bob', 'carol', 'eve'}
c.JupyterHub.services = [{'name': 'live', 'api_token': %q}]
c.JupyterHub.load_roles = [{'name': 'live-role', 'services': ['live'],
    'scopes': ['admin:users', 'admin:servers', 'admin:server_state', 'access:servers']}]
c.ConfigurableHTTPProxy.should_start = False
c.ConfigurableHTTPProxy.auth_token = %q
c.Spawner.start_timeout = 120
c.Spawner.http_timeout = 120
c.Spawner.cmd = ['/opt/jupyterhub/bin/jupyterhub-singleuser']
c.SystemdSpawner.unit_name_template = 'jupyter-{USERNAME}'
c.SystemdSpawner.mem_limit = '512M'
c.SystemdSpawner.cpu_limit = 1.0
c.SystemdSpawner.isolate_tmp = True
`
