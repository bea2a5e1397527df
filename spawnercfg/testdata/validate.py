"""Say what traits make of values.

Reads JSON, a [section, name, Python literal] a line, and answers each with
what the option then is, or with the exception. What a class checks beyond the
type of its trait is left out. Run it with the hub's own Python.
"""
import ast
import json
import sys

sys.dont_write_bytecode = True
from traits import CLASSES

classes = {cls.__name__: cls for cls in CLASSES}
for line in sys.stdin:
    section, name, literal = json.loads(line)
    instance = classes[section].__new__(classes[section])
    instance._cross_validation_lock = True
    instance.notify_change = lambda change: None
    try:
        setattr(instance, name, set() if literal == "set()" else ast.literal_eval(literal))
        answer = repr(getattr(instance, name))
    except Exception as e:
        answer = f"{type(e).__name__}: {e}"
    print(json.dumps(answer), flush=True)
