"""Programs as text: a language of one instruction a line, read by a parser of its own; nothing in it is ever evaluated.

A program is lines joined by ``;``, and a line is ``name = instruction`` in the arithmetic of the front door::

    W=matrix(variance=1.3); x=vector(mean=0.7); h=W.T@x; y=W@relu(h); q=moment(y*y); z=y/sqrt(q)

Text becomes tokens, tokens become a tree, and the tree is walked: names are looked up among the program's own
variables, functions in the table of `tpapp.compute.programs_build`. Size, depth and numbers are bounded.
"""

from __future__ import annotations

import keyword
import math
import re
from dataclasses import dataclass

from tpcore.errors import Misuse

MOST_CHARACTERS = 3000
MOST_LINES = 60
MOST_DEPTH = 12
MOST_TOKENS = 200
LONGEST_NAME = 12
LARGEST = 1e6
INPUTS = ("matrix", "vector", "vectors", "block")
RESERVED = frozenset({"np", "tp", "prog", "lim", "run", "ens", *keyword.kwlist, *keyword.softkwlist})
_TOKEN = re.compile(r"\s*(?:(\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+)|([A-Za-z]\w*)|(\*\*|[-+*/^@()\[\],.=]))", re.A)
_ALLOWED = re.compile(r"[\w\s.,;=+\-*/^@()\[\]]*", re.A)


@dataclass(frozen=True)
class Node:
    """A tree of an expression: `kind` is number, name, transpose, call, item, list, negative or a binary operator."""

    kind: str
    value: object = None
    parts: tuple = ()
    named: tuple[tuple[str, "Node"], ...] = ()


@dataclass(frozen=True)
class Statement:
    """``names = tree``; `text` is the line without spaces."""

    names: tuple[str, ...]
    tree: Node
    text: str


def lines(text: str) -> list[str]:
    """The lines of a program, without spaces; checked as a whole, not one by one."""
    if len(text) > MOST_CHARACTERS:
        raise Misuse(f"A program may have at most {MOST_CHARACTERS:,} characters", f"{len(text):,}")
    if not _ALLOWED.fullmatch(text):
        bad = next(c for c in text if not _ALLOWED.fullmatch(c))
        raise Misuse("A program is written with letters, digits and + - * / ^ @ ( ) [ ] . , = ;", repr(bad))
    found = [re.sub(r"\s+", "", line) for line in text.split(";")]
    found = [line for line in found if line]
    if len(found) > MOST_LINES:
        must = f"A program may have at most {MOST_LINES} lines here"
        raise Misuse(must, f"{len(found)}", "A notebook has no such bound")
    return found


def parse(line: str) -> Statement:
    """One line as a tree; raises `Misuse` in words."""
    names, equals, body = line.partition("=")
    if not equals or "=" not in line or any(c in names for c in "()@*/^[]+-."):
        raise Misuse("A line is name = instruction", repr(line[:60]), "Try h = W @ x")
    found = tuple(check_name(name.strip()) for name in names.split(","))
    reader = _Reader(_tokens(body), line)
    tree = reader.sum(0)
    reader.end()
    return Statement(found, tree, line)


def check_name(name: str) -> str:
    """`name` if it can stand at the left of a line, in the page and in Python alike."""
    if not re.fullmatch(r"[A-Za-z]\w*", name, re.A) or len(name) > LONGEST_NAME:
        must = ("A name begins with a letter, goes on with letters, digits or _, "
                f"and has at most {LONGEST_NAME} characters")  # fmt: skip
        raise Misuse(must, repr(name[:40]))
    if name in RESERVED:
        raise Misuse("A name must not be a word that Python or the code drawer uses already", repr(name))
    return name


def _tokens(text: str) -> list[str]:
    found, at = [], 0
    while at < len(text.rstrip()):
        match = _TOKEN.match(text, at)
        if match is None:
            raise Misuse("An instruction is made of names, numbers, calls and + - * / ^ @", repr(text[at:at + 20]))
        found.append(match[1] or match[2] or match[3])
        at = match.end()
    if len(found) > MOST_TOKENS:
        must = f"A line may have at most {MOST_TOKENS} names, numbers and signs"
        raise Misuse(must, f"{len(found)}", "Give a part of it a line of its own")
    return [token for i, token in enumerate(found) if not _prefix(found, i)]


def _prefix(tokens: list[str], i: int) -> bool:
    """Whether token i belongs to a ``tp.`` or ``prog.`` that Python wants and this language does not."""
    front = ("tp", "prog")
    if tokens[i] == ".":
        return i > 0 and tokens[i - 1] in front
    return tokens[i] in front and tokens[i + 1:i + 2] == ["."]


class _Reader:
    """Recursive descent over tokens."""

    def __init__(self, tokens: list[str], line: str):
        self.tokens, self.line, self.at = tokens, line, 0

    @property
    def next(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def came(self) -> str:
        """The next token, in words."""
        return f"{self.next!r} in {self.line[:60]!r}" if self.next else "the end of the line"

    def take(self, *wanted: str) -> str:
        token = self.next
        if token not in wanted:
            raise Misuse(f"Here {' or '.join(wanted)} must stand", self.came())
        self.at += 1
        return token

    def end(self) -> None:
        if self.next:
            raise Misuse("The line must end after its instruction", f"{self.next!r} in {self.line[:60]!r}")

    def bound(self, depth: int) -> None:
        if depth > MOST_DEPTH:
            must = f"Parentheses and signs may be nested {MOST_DEPTH} deep"
            raise Misuse(must, "more", "Give the inner part a line of its own")

    def sum(self, depth: int) -> Node:
        return self._binary(("+", "-"), self.product, depth)

    def product(self, depth: int) -> Node:
        return self._binary(("*", "/", "@"), self.signed, depth)

    def _binary(self, symbols: tuple[str, ...], part, depth: int) -> Node:
        left = part(depth)
        while self.next in symbols:
            symbol = self.take(*symbols)
            left = Node(symbol, parts=(left, part(depth)))
        return left

    def signed(self, depth: int) -> Node:
        self.bound(depth)
        if self.next == "-":
            self.take("-")
            inner = self.signed(depth + 1)
            return Node("number", -inner.value) if inner.kind == "number" else Node("negative", parts=(inner,))
        return self.power(depth)

    def power(self, depth: int) -> Node:
        base = self.postfix(depth)
        if self.next in ("^", "**"):
            self.take("^", "**")
            sign = -1.0 if self.next == "-" and self.take("-") else 1.0
            exponent = self.postfix(depth + 1)
            if exponent.kind == "number":
                exponent = Node("number", sign * exponent.value)
            elif sign < 0:
                exponent = Node("negative", parts=(exponent,))
            return Node("^", parts=(base, exponent))
        return base

    def postfix(self, depth: int) -> Node:
        node = self.atom(depth)
        while self.next in (".", "["):
            if self.take(".", "[") == ".":
                self.take("T")
                node = Node("transpose", parts=(node,))
            else:
                node = Node("item", int(self.number(True)), (node,))
                self.take("]")
        return node

    def atom(self, depth: int) -> Node:
        token = self.next
        self.bound(depth)
        if token == "(":
            self.take("(")
            inner = self.sum(depth + 1)
            self.take(")")
            return inner
        if token == "[":
            return self.list(depth)
        if token[:1].isdigit() or token[:1] == ".":
            return Node("number", self.number())
        if token[:1].isalpha():
            self.at += 1
            return self.call(token, depth) if self.next == "(" else Node("name", token)
        raise Misuse("A name, a number or a call must stand here", self.came())

    def number(self, whole: bool = False) -> float:
        token = self.next
        try:
            value = float(token)
        except ValueError:
            raise Misuse("A number must stand here", f"{token!r} in {self.line[:60]!r}") from None
        self.at += 1
        if not math.isfinite(value) or abs(value) > LARGEST or (whole and not (value.is_integer() and value < 64)):
            bound = "a whole number below 64" if whole else f"at most {LARGEST:,.0f}"
            raise Misuse(f"A number must be {bound}", token)
        return value

    def list(self, depth: int) -> Node:
        self.take("[")
        parts = [self.sum(depth + 1)]
        while self.next == ",":
            self.take(",")
            parts.append(self.sum(depth + 1))
        self.take("]")
        if len(parts) > 8:
            raise Misuse("A list may have at most 8 entries", f"{len(parts)}")
        return Node("list", parts=tuple(parts))

    def call(self, name: str, depth: int) -> Node:
        parts: list[Node] = []
        named: list[tuple[str, Node]] = []
        self.take("(")
        while self.next != ")":
            if self.next[:1].isalpha() and self.tokens[self.at + 1:self.at + 2] == ["="]:
                key = self.next
                self.at += 2
                named.append((key, self.sum(depth + 1)))
            else:
                parts.append(self.sum(depth + 1))
            if self.next != ")":
                self.take(",")
        self.take(")")
        return Node("call", name, tuple(parts), tuple(named))
