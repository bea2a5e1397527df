"""Load the configurations on standard input with traitlets.

Each line is JSON: the text of the main file, of the JSON file beside it or
null, and of the files in the working directory by name. The answer is JSON:
the error, or what Config holds for each option and what each class makes of
its sections, as canonical text.
"""

import json
import os
import struct
import sys
import tempfile
import warnings

from traitlets import Any, Dict, List, Set
from traitlets.config import Config, Configurable
from traitlets.config.loader import JSONFileConfigLoader, LazyConfigValue, PyFileConfigLoader

warnings.simplefilter("ignore")


class Spawner(Configurable):
    args = List(["default"]).tag(config=True)
    environment = Dict({"DEFAULT": "1"}).tag(config=True)
    users = Set({"default"}).tag(config=True)
    mem_limit = Any("default").tag(config=True)


class SystemdSpawner(Spawner):
    pass


class TestSpawner(SystemdSpawner):
    pass


def canonical(v):
    t = type(v)
    if v is None:
        return "N"
    if t is bool:
        return "T" if v else "F"
    if t is int:
        return "i%x" % v
    if t is float:
        return "f" + struct.pack(">d", v).hex()
    if t is str:
        return "s" + v.encode("utf-8").hex()
    if t is bytes:
        return "b" + v.hex()
    if t is list:
        return "[" + ",".join(map(canonical, v)) + "]"
    if t is tuple:
        return "(" + ",".join(map(canonical, v)) + ")"
    if t is set:
        return "{" + ",".join(sorted(map(canonical, v))) + "}"
    if t is dict:
        return "<" + ",".join(canonical(k) + ":" + canonical(x) for k, x in v.items()) + ">"
    if t is LazyConfigValue:
        inserts = [tuple(i) for i in v._inserts]
        if not inserts and not v._prepend and not v._extend and not v._update:
            return "empty"
        update = canonical(v._update) if v._update else ""
        return "lazy%s|%s|%s|%s" % (canonical(inserts), canonical(list(v._prepend)), canonical(list(v._extend)), update)
    return "other"


def flatten(config, section, out):
    for k, v in config.items():
        if isinstance(v, Config):
            flatten(v, section + "." + k if section else k, out)
        else:
            out[section + "." + k] = canonical(v)
    return out


def load(case):
    for name, text in (case["files"] or {}).items():
        with open(name, "wb") as f:
            f.write(text.encode("utf-8"))
    with open("main.py", "wb") as f:
        f.write(case["main"].encode("utf-8"))
    config = Config()
    config.merge(PyFileConfigLoader(os.path.abspath("main.py")).load_config())
    if case["json"] is not None:
        with open("main.json", "w") as f:
            f.write(case["json"])
        config.merge(JSONFileConfigLoader(os.path.abspath("main.json")).load_config())
    options = flatten(config, "", {})
    traits = {}
    try:
        spawner = TestSpawner(config=config)
    except Exception:  # a value that its trait refuses
        return {"options": options, "traits": traits}
    for name in ("args", "environment", "users", "mem_limit"):
        traits[name] = canonical(getattr(spawner, name))
    return {"options": options, "traits": traits}


with tempfile.TemporaryDirectory() as home:
    os.chdir(home)
    stdout, sys.stdout = sys.stdout, sys.stderr
    for line in sys.stdin:
        case = json.loads(line)
        try:
            answer = load(case)
        except BaseException as e:  # SystemExit too
            answer = {"error": "%s: %s" % (type(e).__name__, e)}
        for name in os.listdir(home):
            os.remove(name)
        stdout.write(json.dumps(answer) + "\n")
        stdout.flush()
