"""Say what SystemdSpawner does with a configuration for a user.

Reads JSON cases, one a line, and answers each with a line. Run it with the
hub's own Python. Nothing is started: what SystemdSpawner would execute is
recorded, and every file that it makes, environment files, goes to a temporary
folder instead.

A case is {"username", "user_id", "config", "groups"}; config is a Python
literal of a dict of options of the section SystemdSpawner.
"""
import ast
import asyncio
import json
import logging
import os
import pwd
import shutil
import sys
import tempfile
import types
import warnings

from traitlets.config import Config

from jupyterhub.spawner import Spawner
import systemdspawner.systemd as systemd
import systemdspawner.systemdspawner as module

warnings.simplefilter("ignore")
logging.disable(logging.CRITICAL)
os.environ.clear()
os.environ.update(PATH="/opt/hub/bin:/usr/bin:/bin", SHELL="/bin/bash", LANG="C.UTF-8", JUPYTERHUB_SINGLEUSER_APP="x")

calls = []


class Process:
    def __init__(self, argv):
        # The unit is not there at first and active after systemd-run.
        started = any(c[0] == "systemd-run" for c in calls)
        self.code = 0 if argv[0] == "systemd-run" or started else 3
        calls.append(list(argv))

    async def wait(self):
        return self.code


async def create_subprocess_exec(*argv, **kwargs):
    for a in argv:
        if not isinstance(a, str):
            raise TypeError(f"expected str, bytes or os.PathLike object, not {type(a).__name__}")
    return Process(argv)


def getpwnam(name):
    calls.append(["getpwnam", name])
    if not name or name.startswith("nouser"):
        raise KeyError(name)
    return types.SimpleNamespace(pw_uid=1001, pw_gid=1001, pw_dir="/home/" + name)


def which(cmd, mode=None, path=None):
    known = {"/opt/hub/bin": ["jupyterhub-singleuser"], "/usr/bin": ["sh", "env"], "/bin": ["sh"]}
    for folder in (path or "").split(os.pathsep):
        if cmd in known.get(folder, []):
            return folder + "/" + cmd
    return None


root = None
names = {}


def inside(path):
    return root + path


class FakeOS:
    """The os module, with the files of systemd.py kept in root."""

    path = os.path
    defpath = os.defpath
    fchmod = staticmethod(os.fchmod)
    getenv = staticmethod(os.getenv)

    @staticmethod
    def makedirs(path, *args, **kwargs):
        os.makedirs(inside(path), *args, **kwargs)

    @staticmethod
    def stat(path):
        return os.stat(inside(path))

    @staticmethod
    def chmod(path, mode):
        os.chmod(inside(path), mode)


def make_environment_file(folder, unit_name, variables):
    path = original(folder, unit_name, variables)
    names[path] = sorted(variables)
    return path


original = systemd.make_environment_file
systemd.make_environment_file = make_environment_file
systemd.os = FakeOS
systemd.open = lambda path, *args, **kwargs: open(inside(path), *args, **kwargs)
systemd.asyncio = types.SimpleNamespace(
    create_subprocess_exec=create_subprocess_exec, subprocess=asyncio.subprocess
)
systemd.shutil = types.SimpleNamespace(which=which)
module.pwd = types.SimpleNamespace(getpwnam=getpwnam)
module.random_port = lambda: 45678
systemd.get_systemd_version = lambda: 252
module.systemd.get_systemd_version = systemd.get_systemd_version
# The default is the shell of whoever imports the module.
module.SystemdSpawner.class_traits()["default_shell"].default_value = "/bin/bash"


def spawner_for(case):
    config = ast.literal_eval(case["config"])
    user = types.SimpleNamespace(
        name=case["username"], id=case["user_id"], url="/user/" + case["username"],
        escaped_name=case["username"],
        groups=[types.SimpleNamespace(name=g) for g in case.get("groups", [])],
    )
    hub = types.SimpleNamespace(public_host="", base_url="/hub/", api_url="http://vm:8081/hub/api")
    return module.SystemdSpawner(
        config=Config({"SystemdSpawner": config}), user=user, hub=hub, orm_spawner=None,
        api_token="TOKEN", oauth_client_id="cid",
    )


def run(case):
    global calls, names, root
    calls, names = [], {}
    root = tempfile.mkdtemp()
    answer = {}
    try:
        spawner = spawner_for(case)
        asyncio.run(spawner.apply_group_overrides())
        answer["returns"] = asyncio.run(spawner.start())
        answer["unit_name"] = spawner.unit_name
        answer["env_names"] = names
    except Exception as e:
        answer["raises"] = f"{type(e).__name__}: {e}".replace(root, "")
    finally:
        shutil.rmtree(root)
    answer["calls"] = calls
    return answer


for line in sys.stdin:
    case = json.loads(line)
    print(json.dumps(run(case)), flush=True)
