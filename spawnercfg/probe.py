"""Load a jupyterhub_config.py as the hub does, and say what is wrong with it.

Run by the hub's own Python. It executes the file, as the hub does, and makes
no hub of it: no database, cookie secret, proxy or spawner is touched. The
answer is JSON on a descriptor of its own, whatever the file prints.
"""

import difflib
import importlib.metadata
import importlib.util
import json
import os
import sys
import traceback

os.set_inheritable(int(sys.argv[2]), False)
answer = os.fdopen(int(sys.argv[2]), "w", encoding="utf-8")
path = os.path.abspath(sys.argv[1])
findings = []
versions = {}


def add(code, option="", message="", hint="", line=0):
    findings.append({"code": code, "option": option, "message": message, "hint": hint, "line": line})


def finish():
    json.dump({"findings": findings, "versions": versions}, answer)
    answer.flush()
    os._exit(0)


def main():
    # The file comes before the hub's own modules, which take seconds to import.
    try:
        if importlib.util.find_spec("jupyterhub") is None:
            raise ImportError("no module named jupyterhub")
        import traitlets
        from traitlets.config.loader import ConfigFileNotFound, JSONFileConfigLoader, PyFileConfigLoader
    except ImportError as e:
        add("check-failed", message=f"this Python has no JupyterHub: {e}")
        return
    versions["python"] = ".".join(map(str, sys.version_info[:3]))
    versions["traitlets"] = traitlets.__version__
    for name in ("jupyterhub", "jupyterhub-systemdspawner"):
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            pass

    base, extension = os.path.splitext(path)
    folder, name = os.path.split(base)
    config = None
    for loader, suffix in ((PyFileConfigLoader, ".py"), (JSONFileConfigLoader, ".json")):
        try:
            loaded = loader(name + suffix, path=folder).load_config()
        except ConfigFileNotFound:
            continue
        except SystemExit as e:
            add("config-exits", message=f"the file ends the hub: SystemExit({e.code!r})", line=line_of(e))
            return
        except BaseException as e:
            line = e.lineno or 0 if isinstance(e, SyntaxError) and e.filename == base + suffix else line_of(e)
            add("config-raises", message=f"the hub does not start: {type(e).__name__}: {e}", line=line)
            return
        if config is None:
            config = loaded
        else:
            for section, options in config.collisions(loaded).items():
                for option in options:
                    add("json-overrides", f"{section}.{option}", f"{name}.json beside the file has the last word")
            config.merge(loaded)
    if config is None:
        add("config-not-read", message=f"traitlets reads neither {name}.py nor {name}.json in {folder}")
        return

    from jupyterhub.app import JupyterHub

    app = JupyterHub.__new__(JupyterHub)
    checked = set()
    check(JupyterHub, app, config, checked)
    classes = [JupyterHub]
    for option in ("spawner_class", "authenticator_class", "proxy_class"):
        try:
            cls = getattr(app, option)
        except Exception as e:
            add("class-not-loaded", f"JupyterHub.{option}", f"the hub does not start: {type(e).__name__}: {e}")
            continue
        versions[option] = f"{cls.__module__}.{cls.__qualname__}"
        classes.append(cls)
        check(cls, cls.__new__(cls), config, checked)
    sections(list(app.classes) + classes, config)


def line_of(error):
    """The line of the file at which an exception came out of it."""
    line = 0
    for frame in traceback.extract_tb(error.__traceback__):
        if frame.filename == path:
            line = frame.lineno
    return line


def check(cls, instance, config, checked):
    """Set each option that the class gets on an object without an __init__."""
    from traitlets import TraitError
    from traitlets.config.loader import LazyConfigValue

    traits = cls.class_traits(config=True)

    for section in cls.section_names():
        if section not in config:
            continue
        for option, value in config[section].items():
            if option[:1].isupper():
                continue
            checked.add((section, option))
            if option not in traits:
                near = difflib.get_close_matches(option, traits, 1)
                add("unknown-option", f"{section}.{option}",
                    f"{cls.__name__} has no such option: the hub ignores it" + (f"; {near[0]} is meant" if near else ""),
                    f"write c.{section}.{near[0]}" if near else "")
                continue
            try:
                if isinstance(value, LazyConfigValue):
                    try:
                        initial = getattr(instance, option)
                    except Exception:
                        continue  # a default that needs more than a bare object
                    value = value.get_value(initial)
                with instance.cross_validation_lock:
                    value = traits[option]._validate(instance, value)
                try:
                    value = traits[option]._cross_validate(instance, value)
                except TraitError:
                    raise
                except Exception:
                    pass  # a validator of the class may need more than a bare object
                instance._trait_values[option] = value
            except Exception as e:
                add("bad-value", f"{section}.{option}", f"{type(e).__name__}: {e}")


def sections(classes, config):
    """Sections that no class obeys."""
    known = set()
    for cls in classes:
        known.update(cls.section_names())
        known.update(c.__name__ for c in subclasses(cls))
    for section in config:
        if section in known:
            continue
        if not section[:1].isupper():
            add("unknown-section", section, f"c.{section} is no section: the hub ignores it")
            continue
        near = difflib.get_close_matches(section, known, 1)
        add("unknown-section", section,
            "no class of the hub has this name: it ignores the section without a word" + (f"; {near[0]} is meant" if near else ""),
            f"write c.{near[0]}" if near else "")


def subclasses(cls):
    for sub in cls.__subclasses__():
        yield sub
        yield from subclasses(sub)


try:
    main()
except BaseException as e:
    add("check-failed", message=f"{type(e).__name__}: {e}")
finish()
