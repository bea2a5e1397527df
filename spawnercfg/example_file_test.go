package spawnercfg_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/hubhost/hubhost/spawnercfg"
	"github.com/hubhost/hubhost/spawnercfg/pyvalue"
)

func ExampleParse() {
	f, err := spawnercfg.Parse([]byte(`
c = get_config()  #noqa
c.Spawner.mem_limit = '1G'
c.SystemdSpawner.extra_paths.append('/opt/tools/bin')
if os.uname().nodename == 'test':
    c.SystemdSpawner.cpu_limit = 0.5
`), spawnercfg.ParseOptions{Path: "jupyterhub_config.py"})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, r := range f.Readings() {
		fmt.Println(r.Option(), "is", r.Certainty, r.Value, r.Reasons)
	}
	// Output:
	// Spawner.mem_limit is certain '1G' []
	// SystemdSpawner.extra_paths is recorded <no value> []
	// SystemdSpawner.cpu_limit is not certain <no value> [jupyterhub_config.py:6:5: it depends on a condition (if)]
}

// The most derived class has the last word, wherever its section stands.
func ExampleFile_Resolve() {
	f, err := spawnercfg.Parse([]byte(`
c.SystemdSpawner.mem_limit = None
c.Spawner.mem_limit = '1G'
`), spawnercfg.ParseOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	r := f.Resolve(spawnercfg.Ancestry("SystemdSpawner"), "mem_limit")
	fmt.Println(r.Section, r.Value)
	// Output: SystemdSpawner None
}

func ExampleFile_Set() {
	f, err := spawnercfg.Parse([]byte(`c.SystemdSpawner.readonly_paths = [
    '/',     # everything,
    # but see readwrite_paths
]
if big:
    c.SystemdSpawner.mem_limit = '8G'
`), spawnercfg.ParseOptions{Path: "jupyterhub_config.py"})
	if err != nil {
		fmt.Println(err)
		return
	}
	f, err = f.Set("SystemdSpawner", "readonly_paths", pyvalue.Strs("/", "/srv/data"))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s", f.Bytes())
	_, err = f.Set("SystemdSpawner", "mem_limit", pyvalue.Str("4G"))
	fmt.Println(errors.Is(err, spawnercfg.ErrWriters))
	// Output:
	// c.SystemdSpawner.readonly_paths = [
	//     '/',     # everything,
	//     '/srv/data',
	//     # but see readwrite_paths
	// ]
	// if big:
	//     c.SystemdSpawner.mem_limit = '8G'
	// true
}

// Change the limit of the servers to come, and keep a way back.
func ExampleFile_Install() {
	ctx := context.Background()
	const path, dir = "/opt/jupyterhub/etc/jupyterhub/jupyterhub_config.py", "/var/lib/jupyterhub"
	f, err := spawnercfg.ReadFile(path, dir)
	if err != nil {
		fmt.Println(err)
		return
	}
	f, err = f.Set("SystemdSpawner", "mem_limit", pyvalue.Str("2G"))
	if err != nil {
		fmt.Println(err)
		return
	}
	result, err := f.Check(ctx, spawnercfg.Checker{Python: "/opt/jupyterhub/bin/python", Dir: dir})
	if err == nil {
		err = result.Report.Err()
	}
	if err != nil {
		fmt.Println("not installed:", err)
		return
	}
	done, err := f.Install(ctx, spawnercfg.InstallOptions{})
	if errors.Is(err, spawnercfg.ErrChanged) {
		fmt.Println("somebody else was faster: read the file again")
		return
	}
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("to undo: spawnercfg.Restore", done.Backup)
}

// A drop-in sets what cannot be edited in place.
func ExampleFile_Include() {
	f, err := spawnercfg.Parse([]byte("c.SystemdSpawner.mem_limit = limit_of(host)\n"), spawnercfg.ParseOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	f, err = f.Include(spawnercfg.DropInPath("/opt/jupyterhub/etc/jupyterhub/jupyterhub_config.py"))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s", f.Bytes())
	// Output:
	// c.SystemdSpawner.mem_limit = limit_of(host)
	// load_subconfig('/opt/jupyterhub/etc/jupyterhub/jupyterhub_config.d/50-spawnercfg.py')
}

func ExampleParseValue() {
	v, err := spawnercfg.ParseValue("['/', '/srv']")
	fmt.Println(v.Kind(), err)
	_, err = spawnercfg.ParseValue("'2G'; import os")
	fmt.Println(err)
	// Output:
	// list <nil>
	// 1:5: more than one value
}

// Go back to the file from before the last change.
func ExampleRestore() {
	ctx := context.Background()
	const path = "/opt/jupyterhub/etc/jupyterhub/jupyterhub_config.py"
	backups, err := spawnercfg.Backups(path)
	if err != nil {
		fmt.Println(err)
		return
	}
	if len(backups) == 0 {
		fmt.Println("it was never changed by this package")
		return
	}
	done, err := spawnercfg.Restore(ctx, path, backups[0], spawnercfg.InstallOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("to undo this too:", done.Backup)
}

// Give an option back to the hub's default.
func ExampleFile_Unset() {
	f, err := spawnercfg.Parse([]byte(`c.SystemdSpawner.mem_limit = '2G'
c.SystemdSpawner.cpu_limit = 2   # since the autumn course
`), spawnercfg.ParseOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	if f, err = f.Unset("SystemdSpawner", "cpu_limit"); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s", f.Bytes())
	// Output:
	// c.SystemdSpawner.mem_limit = '2G'
}
