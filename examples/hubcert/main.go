// Command hubcert looks at, makes, installs and takes back the certificate of
// a hub.
package main

import (
	"os"

	"github.com/hubhost/hubhost/internal/cli"
)

var app = &cli.App{
	Name:    "hubcert",
	Summary: "the hub's certificate and its key, as one",
	Commands: []*cli.Command{
		{
			Name: "inspect", Args: "CERT [KEY]", Setup: inspect,
			Summary: "Show what certificates a file holds, and whether the key belongs to them.",
			Example: "hubcert inspect your-cert.crt your-key.key",
		},
		{
			Name: "verify", Setup: verify,
			Summary: "Say everything that is wrong with a certificate and its key, before any server reads them.",
			Example: "hubcert verify --cert your-cert.crt --key your-key.key --host hub.example.org --production",
		},
		{
			Name: "selfsign", Args: "HOST…", Setup: selfsign,
			Summary: "Make a certificate for a test host, signed by a private CA that is made too.",
			Example: "hubcert selfsign hub.test 192.0.2.7 --out out",
		},
		{
			Name: "install", Setup: install,
			Summary: "Put a certificate and its key in place as one, reload the servers, and go back if they do not serve it.",
			Example: `hubcert install --cert your-cert.crt --key your-key.key --host hub.example.org --dry-run
				hubcert install --cert your-cert.crt --key your-key.key --reload nginx --probe 127.0.0.1:443 --name hub.example.org`,
		},
		{
			Name: "backups", Setup: backups,
			Summary: "List the pairs that were replaced.",
			Example: "hubcert backups --json",
		},
		{
			Name: "rollback", Args: "[ID]", Setup: rollback,
			Summary: "Put a replaced pair back, the newest without an ID.",
			Example: "hubcert rollback --dry-run\nhubcert rollback --reload nginx --probe 127.0.0.1:443 --name hub.example.org",
		},
		{
			Name: "served", Args: "ADDR", Setup: served,
			Summary: "Show the certificate that a server sends, and whether it is the installed one.",
			Example: "hubcert served 127.0.0.1:443 --name hub.example.org",
		},
		{
			Name: "audit", Setup: audit,
			Summary: "Judge the installed pair and its files as they are on disk.",
			Example: "hubcert audit --dir /opt/jupyterhub/certs --host hub.example.org",
		},
	},
}

func main() { os.Exit(app.Main()) }
