"""Write the tokens of each file that is named on standard input.

For each file: the number of bytes of text that follow, and the text, one
token a line (kind, line, column, end line, end column); or "refused" where
this Python cannot compile the file, or "encoding" where it is not UTF-8.
The first line says whether this Python takes f-strings apart (3.12).
"""

import io
import sys
import tokenize
import warnings

warnings.simplefilter("ignore")
APART = sys.version_info >= (3, 12)
KINDS = {
    tokenize.ENDMARKER: "end",
    tokenize.NAME: "name",
    tokenize.NUMBER: "number",
    tokenize.STRING: "string",
    tokenize.OP: "op",
    tokenize.COMMENT: "comment",
    tokenize.NL: "nl",
    tokenize.NEWLINE: "newline",
    tokenize.INDENT: "indent",
    tokenize.DEDENT: "dedent",
}
SKIP = {tokenize.ENCODING}
if APART:
    KINDS[tokenize.FSTRING_START] = "fstart"
    KINDS[tokenize.FSTRING_END] = "fend"
    SKIP.add(tokenize.FSTRING_MIDDLE)


def tokens(source):
    try:
        compile(source, "file", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError):
        return "refused"
    try:
        source.decode()
    except UnicodeDecodeError:
        return "encoding"
    out = []
    for t in tokenize.tokenize(io.BytesIO(source).readline):
        if t.type in SKIP:
            continue
        kind = KINDS.get(t.type, tokenize.tok_name[t.type])
        if kind in ("nl", "newline", "end"):
            # Where a line end ends, and where the end of a file without a
            # final line end is, differs from version to version.
            out.append("%s %d" % (kind, t.start[0]) if kind != "end" else kind)
        elif kind == "dedent":
            out.append(kind)
        else:
            out.append("%s %d %d %d %d" % ((kind,) + t.start + t.end))
    return "\n".join(out)


print(int(APART), flush=True)
for line in sys.stdin:
    with open(line.rstrip("\n"), "rb") as f:
        text = tokens(f.read()).encode("ascii")
    sys.stdout.write("%d\n" % len(text))
    sys.stdout.flush()
    sys.stdout.buffer.write(text)
    sys.stdout.buffer.flush()
