"""From the lines of `tpapp.compute.programs_text` to a program of tpcore, and to Python that writes the same one."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

import tpcore as tp
from tpapp.compute import programs_text as text
from tpapp.compute.programs_text import Node, Statement
from tpcore.activations import NAMED
from tpcore.errors import Misuse

MOST_NODES, MOST_COLUMNS = 160, 256
SLOPES = ("relu", "abs", "erf", "erf_sigmoid", "tanh", "sigmoid", "gelu", "silu", "softplus", "sin", "cos", "gauss")
JUMPS = {"relu": "step", "abs": "sign"}  # derivatives that are activations of their own
PLAIN = {"sqrt": np.sqrt, "exp": np.exp, "log": np.log}
PAIRS = {"max": np.maximum, "min": np.minimum}
FAMILIES = ("leaky_relu", "hermite")
ARITY = {"moment": 1, "inner": 2, "sum": 1, "mean": 1, "max": 2, "min": 2, "sqrt": 1, "exp": 1, "log": 1}
FUNCTIONS = (*NAMED, *(f"d_{name}" for name in SLOPES), *PLAIN, *PAIRS, "hermite", "moment", "inner", "sum", "mean",
             "stack", "output", *text.INPUTS)  # fmt: skip
_LEVELS = {"+": 1, "-": 1, "*": 2, "/": 2, "@": 2, "^": 4}
_CALLS = {"+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b,
          "/": lambda a, b: a / b, "@": lambda a, b: a @ b, "^": lambda a, b: a ** b}  # fmt: skip
_PLACE = re.compile(r", line \d+(?: `[^`]*`)?(?=:)| \([^()]*\.py:\d+\)")


@dataclass(frozen=True)
class Term:
    """A value with the Python that makes it; `level` is how tightly its outermost operator binds."""

    value: object
    code: str
    level: int = 9

    def within(self, level: int) -> str:
        """Its code inside an operator of `level`."""
        return self.code if self.level >= level else f"({self.code})"


def without_places(words: str) -> str:
    """Words without the places of the server's own files."""
    return _PLACE.sub("", words)


@contextmanager
def in_words(line: int = 0) -> Iterator[None]:
    """Errors of tpcore as this page says them: by the program's own line, without the server's files."""
    try:
        yield
    except Misuse as error:
        must = without_places(error.must)
        error.must = f"Line {line}, {must}" if line else must
        error.came, error.hint = (without_places(part) for part in (error.came, error.hint))
        parts = [error.must, f"Got {error.came}" if error.came else "", error.hint]
        error.args = (" ".join(part.rstrip(".") + "." for part in parts if part),)
        raise
    except RecursionError:
        raise Misuse(f"Line {line} must be a formula of ordinary length", "a longer one", "Use several lines") from None
    except (OverflowError, ZeroDivisionError) as error:
        came = "a division by zero" if isinstance(error, ZeroDivisionError) else "a number too large to compute with"
        raise Misuse(f"Line {line} must have numbers of ordinary size", came) from None


def build(lines: list[str], title: str = "own program") -> tuple[tp.Program, list[str]]:
    """The program that the lines write, and the same lines in Python; raises `tpcore.errors.Misuse` with the line."""
    prog = tp.Program(title)
    builder, code = Builder(prog), []
    for number, line in enumerate(lines, 1):
        with in_words(number):
            code.append(builder.line(text.parse(line)))
        columns = sum(int(np.prod(node.shape)) for node in prog.nodes if node.kind in "GH")
        if len(prog.nodes) > MOST_NODES:
            must = f"A program may have at most {MOST_NODES} instructions here"
            raise Misuse(must, f"{len(prog.nodes)} by line {number}")
        if columns > MOST_COLUMNS:
            must = f"A program may have at most {MOST_COLUMNS} vectors here, those of blocks counted"
            raise Misuse(must, f"{columns} by line {number}")
    with in_words():
        str(prog)  # the checks of a whole program: readouts
    return prog, code


class Builder:
    """Walks trees; `names` are the program's own variables, and nothing else can be reached."""

    def __init__(self, prog: tp.Program):
        self.prog = prog
        self.names: dict[str, object] = {}

    def line(self, statement: Statement) -> str:
        """Write one line; its Python."""
        tree, names = statement.tree, statement.names
        for name in names:
            if name in self.names or self.prog.taken(name):
                raise Misuse("names must be unique in a program", f"{name!r} again", f"Try {name + '2'!r}")
            if name in FUNCTIONS:
                raise Misuse("a name must not be that of a function", repr(name))
        if tree.kind == "call" and tree.value in text.INPUTS:
            return self._input(names, tree)
        if len(names) > 1:
            raise Misuse("only vectors(...) makes several variables at once", ", ".join(names))
        if tree.kind == "call" and tree.value == "output":
            return self._output(names[0], tree)
        term = self._term(tree)
        if not isinstance(term.value, tp.Var):
            raise Misuse("an instruction must give a variable of the program", f"the number {term.code}",
                         "Numbers stand in formulas: 2*x")
        self.names[names[0]] = self.prog.name(names[0], term.value)
        return f'{names[0]} = prog.name("{names[0]}", {term.code})'

    def _input(self, names: tuple[str, ...], tree: Node) -> str:
        allowed = {"matrix": ("variance", "rows", "cols"), "vector": ("mean", "variance", "dim"),
                   "vectors": ("mean", "cov", "dim"), "block": ("mean", "cov", "shape", "dim")}[tree.value]  # fmt: skip
        options, code = self._options(tree, allowed)
        for size in ("rows", "cols", "dim"):
            value = options.get(size, 1.0)
            if not isinstance(value, float) or not 1 / 64 <= value <= 64:
                must = f"{size} must be a number between 1/64 and 64, in units of the width"
                raise Misuse(must, f"{value:g}" if isinstance(value, float) else "a list")
        if tree.value == "vectors":
            made = self.prog.vectors(list(names), **options)
            self.names.update(zip(names, made))
            return f'{", ".join(names)} = prog.vectors("{" ".join(names)}"{code})'
        if len(names) > 1:
            raise Misuse(f"{tree.value} makes one variable", ", ".join(names),
                         "vectors makes several that are correlated")
        if tree.value == "block":
            size = options.get("shape", 2.0)
            code = code if "shape" in code else f"{code}, shape=2"
            if not isinstance(size, float) or size not in range(1, 9):
                must = "shape must be a whole number from 1 to 8, the vectors of the block"
                raise Misuse(must, f"{size:g}" if isinstance(size, float) else "a list")
            options["shape"] = int(size)
        self.names[names[0]] = getattr(self.prog, tree.value)(names[0], **options)
        return f'{names[0]} = prog.{tree.value}("{names[0]}"{code})'

    def _options(self, tree: Node, allowed: tuple[str, ...]) -> tuple[dict, str]:
        """Numbers and lists given to an input, by name or in order, and their Python."""
        if len(tree.parts) > len(allowed):
            must = f"{tree.value} takes at most {len(allowed)} numbers: {', '.join(allowed)}"
            raise Misuse(must, f"{len(tree.parts)}")
        given = [*zip(allowed, tree.parts), *tree.named]
        options, code = {}, ""
        for name, part in given:
            if name not in allowed or name in options:
                raise Misuse(f"{tree.value} takes {', '.join(allowed)}, each once", repr(name))
            term = self._term(part)
            if not isinstance(term.value, (float, np.ndarray)):
                raise Misuse(f"{name} of {tree.value} must be a number or a list of numbers", term.code)
            options[name], code = term.value, f"{code}, {name}={term.code}"
        return options, code

    def _output(self, name: str, tree: Node) -> str:
        if len(tree.parts) != 2 or any(key != "bias_variance" for key, _ in tree.named):
            raise Misuse("an output is output(v, y): v the readout, y what it reads", f"{len(tree.parts)} arguments",
                         "output(v, y, bias_variance=0.1) adds a bias")
        v, y = (self._term(part) for part in tree.parts)
        options, code = {}, ""
        for key, part in tree.named:
            term = self._term(part)
            options[key], code = term.value, f"{code}, {key}={term.code}"
        self.prog.output(name, v.value, y.value, **options)
        return f'prog.output("{name}", {v.code}, {y.code}{code})'

    # -- expressions -------------------------------------------------------------------------------------------

    def _term(self, node: Node) -> Term:
        if node.kind == "number":
            return Term(float(node.value), _number(node.value), 9 if node.value >= 0 else 3)
        if node.kind == "name":
            if node.value not in self.names:
                known = ", ".join(self.names) or "none yet"
                raise Misuse("a name must be that of an earlier line", repr(node.value), f"There are {known}")
            return Term(self.names[node.value], node.value)
        if node.kind == "transpose":
            inner = self._term(node.parts[0])
            _variable(inner, ".T")
            return Term(inner.value.T, f"{inner.within(9)}.T")
        if node.kind == "item":
            inner = self._term(node.parts[0])
            _variable(inner, "[...]")
            return Term(inner.value[node.value], f"{inner.within(9)}[{node.value}]")
        if node.kind == "list":
            return self._list(node)
        if node.kind == "negative":
            inner = self._term(node.parts[0])
            return Term(-inner.value, f"-{inner.within(3)}", 3)
        return self._call(node) if node.kind == "call" else self._binary(node)

    def _list(self, node: Node) -> Term:
        terms = [self._term(part) for part in node.parts]
        numeric = all(isinstance(term.value, (float, np.ndarray)) for term in terms)
        if not numeric or len({np.shape(term.value) for term in terms}) > 1:
            came = ", ".join(term.code for term in terms)
            raise Misuse("a list holds numbers, or lists of numbers of one length", came)
        inner = ", ".join(term.code.removeprefix("np.array(").removesuffix(")") for term in terms)
        return Term(np.array([term.value for term in terms]), f"np.array([{inner}])")

    def _binary(self, node: Node) -> Term:
        level = _LEVELS[node.kind]
        left, right = (self._term(part) for part in node.parts)
        value = _CALLS[node.kind](left.value, right.value)
        value = float(value) if isinstance(value, (int, float)) else value
        symbol = "**" if node.kind == "^" else f" {node.kind} "
        power = node.kind == "^"
        return Term(value, f"{left.within(level + power)}{symbol}{right.within(level + (not power))}", level)

    def _call(self, node: Node) -> Term:
        name, arguments = str(node.value), [self._term(part) for part in node.parts]
        if name not in FUNCTIONS:
            raise Misuse("a function must be one of those known here", repr(name), f"Known are {', '.join(FUNCTIONS)}")
        if name in text.INPUTS or name == "output" or node.named:
            raise Misuse(f"{name} stands alone on its line, and only inputs take name=number", repr(name))
        if name in FAMILIES and len(arguments) == 2:
            return self._family(name, *arguments)
        numeric = [term for term in arguments if not isinstance(term.value, tp.Var)]
        if numeric:
            raise Misuse(f"{name} takes variables of the program", numeric[0].code)
        takes = ARITY.get(name, 0 if name == "stack" else 1)
        if takes and len(arguments) != takes:
            raise Misuse(f"{name} takes {takes} variable{'s' * (takes > 1)}", f"{len(arguments)}")
        values, code = [term.value for term in arguments], ", ".join(term.code for term in arguments)
        if not values:
            raise Misuse(f"{name} needs a variable", "nothing in its parentheses")
        if name in ("moment", "inner"):
            return Term(getattr(tp, name)(*values), f"tp.{name}({code})")
        if name in ("sum", "mean"):
            return Term(_block(arguments[0], name)(), f"{arguments[0].within(9)}.{name}()")
        if name == "stack":
            return Term(tp.stack(values), f"tp.stack([{code}])")
        return self._function(name, arguments)

    def _function(self, name: str, arguments: list[Term]) -> Term:
        """Nonlin, Nonlin+ with C-vars among the arguments, or Scalar with nothing else."""
        function, written = _function(name)
        values, code = [term.value for term in arguments], ", ".join(term.code for term in arguments)
        if written in (f"tp.{n}" for n in NAMED) and len(values) == 1:
            return Term(tp.nonlin(function, *values), f"{written}({code})")
        if values and all(value.kind == "C" for value in values):
            return Term(tp.scalar(function, *values), f"tp.scalar({written}, {code})")
        vectors = [term for term in arguments if term.value.kind != "C"]
        params = [term for term in arguments if term.value.kind == "C"]
        made = tp.nonlin(function, *(t.value for t in vectors), params=[t.value for t in params])
        more = f", params=[{', '.join(t.code for t in params)}]" if params else ""
        return Term(made, f"tp.nonlin({written}, {', '.join(t.code for t in vectors)}{more})")

    def _family(self, name: str, x: Term, parameter: Term) -> Term:
        if not isinstance(parameter.value, float) or not isinstance(x.value, tp.Var):
            raise Misuse(f"{name} takes a variable and a number", f"{x.code}, {parameter.code}")
        make = tp.activations.leaky_relu if name == "leaky_relu" else tp.activations.hermite
        value = parameter.value if name == "leaky_relu" or not parameter.value.is_integer() else int(parameter.value)
        return Term(tp.nonlin(make(value), x.value), f"tp.nonlin(tp.activations.{name}({parameter.code}), {x.code})")


def _function(name: str) -> tuple[Callable, str]:
    """A function of coordinates and its Python."""
    if name in NAMED:
        return NAMED[name], f"tp.{name}"
    if name in PLAIN:
        return PLAIN[name], f"np.{name}"
    if name in PAIRS:
        return PAIRS[name], f"np.{PAIRS[name].__name__}"
    base = name.removeprefix("d_")
    if base in JUMPS:
        return NAMED[JUMPS[base]], f"tp.{JUMPS[base]}"
    return _Slope(base), f"tp.{base}.df"


class _Slope:
    """The derivative of a named activation."""

    def __init__(self, base: str):
        self.base, self.__name__ = base, f"d_{base}"

    def __call__(self, x):
        return NAMED[self.base].df(x)


def _variable(term: Term, what: str) -> None:
    if not isinstance(term.value, tp.Var):
        raise Misuse(f"{what} needs a variable of the program", term.code)


def _block(term: Term, name: str) -> Callable:
    if term.value.kind == "A":
        raise Misuse(f"{name} runs over the vectors of a block", tp.Var.__repr__(term.value))
    return getattr(term.value, name)


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() and abs(value) < 1e6 else repr(float(value))
