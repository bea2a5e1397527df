"""Say what CPython makes of source text: a line of JSON for a line of JSON.

{"literal": TEXT} is answered with a description of the value, by type and
exactly, and with its repr. {"file": TEXT} is answered with the
statements of the file, all of which must be the header's call or the
assignment of a literal to c.Section.name. {"format": TEXT} is answered with
the template filled in.
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


# What a literal is made of. Num, Str, Bytes and NameConstant are Constant since
# Python 3.8.
LITERAL = {
    "Expression", "Constant", "Num", "Str", "Bytes", "NameConstant", "UnaryOp", "USub",
    "List", "Tuple", "Dict", "Set", "Load", "Call", "Name",
}


def evaluate(node):
    """Evaluate a literal; literal_eval takes a nested set() from 3.9 on."""
    for n in ast.walk(node):
        if type(n).__name__ not in LITERAL:
            raise ValueError("no literal: " + ast.dump(n))
        if type(n) is ast.Call and (n.args or n.keywords or type(n.func) is not ast.Name):
            raise ValueError("no literal: " + ast.dump(n))
        if type(n) is ast.Name and n.id != "set":
            raise ValueError("no literal: " + ast.dump(n))
    expression = ast.Expression(node)
    v = eval(compile(expression, "literal", "eval"), {"__builtins__": {"set": set}})
    return {"value": describe(v), "repr": repr(v)}


def statements(source):
    tree = ast.parse(source.encode())
    compile(tree, "jupyterhub_config.py", "exec")
    if ast.dump(tree.body[0]) != ast.dump(ast.parse("c = get_config()").body[0]):
        raise ValueError(ast.dump(tree.body[0]))
    found = []
    for s in tree.body[1:]:
        t = s.targets[0]
        if type(s) is not ast.Assign or len(s.targets) != 1 or type(t) is not ast.Attribute or type(t.value) is not ast.Attribute:
            raise ValueError(ast.dump(s))
        if type(t.value.value) is not ast.Name or t.value.value.id != "c":
            raise ValueError(ast.dump(s))
        found.append([t.value.attr, t.attr, evaluate(s.value)["value"]])
    return {"statements": found}


def formatted(template):
    return {"text": template.format(USERNAME="al\u00efce", USERID=21)}


for line in sys.stdin:
    question = json.loads(line)
    try:
        if "format" in question:
            answer = formatted(question["format"])
        elif "file" in question:
            answer = statements(question["file"])
        else:
            answer = evaluate(ast.parse(question["literal"], mode="eval").body)
    except Exception as e:
        answer = {"error": f"{type(e).__name__}: {e}"}
    print(json.dumps(answer), flush=True)
