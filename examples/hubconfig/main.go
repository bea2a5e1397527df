// Command hubconfig reads, judges and changes a hub's configuration file.
package main

import (
	"os"

	"github.com/hubhost/hubhost/internal/cli"
)

var app = &cli.App{
	Name:    "hubconfig",
	Summary: "read, judge and change a hub's configuration file",
	Commands: []*cli.Command{
		{
			Name: "show", Args: "FILE", Setup: show,
			Summary: "Show every option that the file sets, its value and line, or why the value is not certain. Nothing is executed.",
			Example: "hubconfig show /opt/jupyterhub/etc/jupyterhub/jupyterhub_config.py",
		},
		{
			Name: "lint", Args: "FILE", Setup: lint,
			Summary: "Say what is wrong with the file, without executing it.",
			Example: "hubconfig lint jupyterhub_config.py",
		},
		{
			Name: "check", Args: "FILE", Setup: check,
			Summary: "Let the hub's own Python load the file and try every option. This executes the file.",
			Example: "hubconfig check jupyterhub_config.py --python /opt/jupyterhub/bin/python",
		},
		{
			Name: "set", Args: "FILE OPTION=VALUE…", Setup: set,
			Summary: "Change options in place, and nothing else of the file. A value is a Python literal, or else text.",
			Example: "hubconfig set jupyterhub_config.py mem_limit=4G cpu_limit=2 --dry-run\n" +
				`hubconfig set jupyterhub_config.py SystemdSpawner.readwrite_paths="['/home/{USERNAME}']"`,
		},
		{
			Name: "unset", Args: "FILE OPTION…", Setup: unset,
			Summary: "Remove options from the file, and nothing else.",
			Example: "hubconfig unset jupyterhub_config.py mem_limit",
		},
		{
			Name: "diff", Args: "A B", Setup: compare,
			Summary: "Show which options differ between two files.",
			Example: "hubconfig diff old_config.py new_config.py",
		},
		{
			Name: "unit", Args: "FILE", Setup: unit,
			Summary: "Show the unit that a user will get: its name, the systemd-run arguments and the properties.",
			Example: "hubconfig unit jupyterhub_config.py --user alice\n" +
				"hubconfig unit jupyterhub_config.py --user alice --uid 1001 --gid 1001 --home /home/alice --json",
		},
		{
			Name: "emit", Args: "[OPTION=VALUE…]", Setup: emit,
			Summary: "Write a complete file from options.",
			Example: "hubconfig emit mem_limit=2G cpu_limit=1 isolate_tmp=True JupyterHub.cleanup_servers=False > jupyterhub_config.py",
		},
	},
}

func main() { os.Exit(app.Main()) }
