"""Say what CPython makes of source text: a line of JSON for a line of JSON.

{"literal": TEXT} is answered with a description of ast.literal_eval(TEXT), by
type and exact value, and with its repr. {"file": TEXT} is answered with the
statements of the file, all of which must be the header's call or the
assignment of a literal to c.Section.name.
"""
import ast
import json
import struct
import sys


def describe(v):
    if v is None or isinstance(v, bool):
        return [type(v).__name__, str(v)]
    if isinstance(v, int):
        return ["int", str(v)]
    if isinstance(v, float):
        return ["float", struct.pack(">d", v).hex()]
    if isinstance(v, str):
        return ["str", v.encode("utf-8", "surrogatepass").hex()]
    if isinstance(v, bytes):
        return ["bytes", v.hex()]
    if isinstance(v, (list, tuple)):
        return [type(v).__name__, [describe(e) for e in v]]
    if isinstance(v, set):
        return ["set", sorted((describe(e) for e in v), key=json.dumps)]
    return ["dict", [[describe(k), describe(e)] for k, e in v.items()]]


def literal(text):
    node = ast.parse(text, mode="eval").body
    # literal_eval takes set() from 3.9 on.
    v = set() if ast.dump(node) == ast.dump(ast.parse("set()", mode="eval").body) else ast.literal_eval(node)
    return {"value": describe(v), "repr": repr(v)}


def statements(source):
    tree = ast.parse(source.encode())
    compile(tree, "jupyterhub_config.py", "exec")
    first = ast.unparse(tree.body[0]) if sys.version_info >= (3, 9) else "c = get_config()"
    if first != "c = get_config()":
        raise ValueError(first)
    found = []
    for s in tree.body[1:]:
        t = s.targets[0]
        if type(s) is not ast.Assign or len(s.targets) != 1 or type(t) is not ast.Attribute or type(t.value) is not ast.Attribute:
            raise ValueError(ast.dump(s))
        if type(t.value.value) is not ast.Name or t.value.value.id != "c":
            raise ValueError(ast.dump(s))
        text = ast.get_source_segment(source, s.value)
        found.append([t.value.attr, t.attr, literal(text)["value"]])
    return {"statements": found}


for line in sys.stdin:
    question = json.loads(line)
    try:
        answer = literal(question["literal"]) if "literal" in question else statements(question["file"])
    except Exception as e:
        answer = {"error": f"{type(e).__name__}: {e}"}
    print(json.dumps(answer), flush=True)
