"""Say what CPython makes of source text: a line of JSON for a line of JSON.

{"literal": TEXT} is answered with a canonical text of the value and with its
repr. {"file": TEXT} is answered with the
statements of the file, all of which must be the header's call or the
assignment of a literal to c.Section.name. {"format": TEXT} is answered with
the template filled in.
"""
import ast
import json
import struct
import sys


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
        return "s" + v.encode("utf-8", "surrogatepass").hex()
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
    return {"value": canonical(v), "repr": repr(v)}


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
