"""Print, as JSON, every configurable trait of the classes that a hub with
SystemdSpawner loads. Run it with the hub's own Python."""
import ast
import json
import re
import sys
from importlib.metadata import version

from jupyterhub.app import JupyterHub
from jupyterhub.auth import Authenticator, DummyAuthenticator, LocalAuthenticator, NullAuthenticator, PAMAuthenticator
from jupyterhub.authenticators.shared import SharedPasswordAuthenticator
from jupyterhub.crypto import CryptKeeper
from jupyterhub.proxy import ConfigurableHTTPProxy, Proxy
from jupyterhub.spawner import LocalProcessSpawner, SimpleLocalProcessSpawner, Spawner
from systemdspawner import SystemdSpawner
from traitlets import TraitError
from traitlets.config import Application

CLASSES = [
    Application, JupyterHub, Spawner, LocalProcessSpawner, SimpleLocalProcessSpawner, SystemdSpawner,
    Authenticator, LocalAuthenticator, PAMAuthenticator, DummyAuthenticator, NullAuthenticator,
    SharedPasswordAuthenticator, Proxy, ConfigurableHTTPProxy, CryptKeeper,
]


def default(cls, instance, name, trait):
    """The default as Python source, or None where code computes it."""
    generated = any(name in k.__dict__.get("_trait_default_generators", {}) for k in cls.__mro__)
    if generated or hasattr(cls, f"_{name}_default"):
        return None
    try:
        value = getattr(instance, name)
    except TraitError:  # proxy_cmd: its own default is not valid
        return None
    if isinstance(value, type):
        value = f"{value.__module__}.{value.__qualname__}"
    text = repr(value)
    if text == "set()":
        return text
    try:
        ast.literal_eval(text)
    except ValueError:
        return None
    return text


def type_of(trait):
    """The type by its name, with those of what is inside."""
    name = type(trait).__name__
    if name == "Union":
        return " | ".join(map(type_of, trait.trait_types))
    if name in ("Enum", "CaselessStrEnum"):
        inner = map(repr, trait.values)
    elif name == "Float" and trait.max == 1:
        inner = map(repr, (trait.min, trait.max))
    elif name == "Dict" and (trait._key_trait or trait._value_trait):
        inner = [type_of(t) if t else "Any" for t in (trait._key_trait, trait._value_trait)]
    elif name != "Command" and getattr(trait, "_trait", None):
        inner = [type_of(trait._trait)]
    else:
        return name
    return f"{name}[{', '.join(inner)}]"


def main():
    rows = []
    for cls in CLASSES:
        instance = cls.__new__(cls)
        for name, trait in sorted(cls.class_own_traits(config=True).items()):
            row = {
                "section": cls.__name__,
                "name": name,
                "type": type_of(trait),
                "allow_none": bool(trait.allow_none),
                "default": default(cls, instance, name, trait),
            }
            added = re.search(r"versionadded:: *([0-9.]+)", trait.help or "")
            if added:
                row["since"] = added.group(1)
            if re.match(r"\s*(\.\. )?deprecated", trait.help or "", re.I) or "Deprecated in" in (trait.help or ""):
                row["deprecated"] = True
            rows.append(row)
    json.dump({
        "jupyterhub": version("jupyterhub"),
        "jupyterhub-systemdspawner": version("jupyterhub-systemdspawner"),
        "traits": rows,
    }, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
