"""Evaluate the literal on each line of standard input, written in hex.

The answer is a canonical text of the value, or "error".
"""

import ast
import struct
import sys
import warnings

warnings.simplefilter("ignore")


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
    raise ValueError(t)


for line in sys.stdin:
    try:
        text = canonical(ast.literal_eval(bytes.fromhex(line).decode("utf-8")))
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        text = "error"
    sys.stdout.write(text + "\n")
