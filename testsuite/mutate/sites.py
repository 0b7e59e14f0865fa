# SPDX-License-Identifier: GPL-2.0-or-later
"""Finds in a C source what a mutation run can change, and writes all of the changes into it.

Found are conditions, in functions: those of if, while, for and ?:, the operands of && and ||,
what a function of type bool returns, and the boundary of <, <=, > and >=. Each is evaluated as
ever; the change is in what comes of it. Macros, initialisers outside of functions, and the order
of memory accesses are left alone.
"""

import re

TOKEN = re.compile(
    r"""(?P<blank>\s+|/\*.*?\*/|//[^\n]*)
      |(?P<directive>\#(?:\\\n|/\*.*?\*/|[^\n])*)
      |(?P<text>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')
      |(?P<word>[A-Za-z_]\w*|\.?\d(?:[\w.]|[eEpP][+-])*)
      |(?P<sign><<=|>>=|\.\.\.|->|\+\+|--|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%&|^]=|.)""",
    re.S | re.X)

OPENING = {"(": ")", "[": "]", "{": "}"}
CLOSING = {close: open for open, close in OPENING.items()}
MOVED = {"<": "<=", "<=": "<", ">": ">=", ">=": ">"}

# What ends an operand, from the operator that binds most loosely.
ASSIGNS = {"=", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "<<=", ">>="}
ENDS = ASSIGNS | {",", ";", "?", ":", "return", "case", "else", "do", "goto"}
ENDS_OR = ENDS | {"||"}
ENDS_AND = ENDS_OR | {"&&"}
ENDS_RELATION = ENDS_AND | {"|", "^", "==", "!="}


class Token:
    """A token: what it says, where it begins and ends, and its partner if it is a bracket."""

    def __init__(self, match):
        self.kind = match.lastgroup
        self.said = match.group()
        self.start, self.end = match.span()
        self.partner = None


class Mutant:
    """One change of a source: `what` it is, in `function`, at `line`."""

    def __init__(self, file, function, line, what, text):
        self.file, self.function, self.line, self.what, self.text = file, function, line, what, text
        self.number = None

    def key(self):
        """How the list of equivalent ones names it: by no line number, which would change."""
        return f"{self.file} {self.function}: {self.what}"


class Source:
    """A source file: its mutants, and its text with all of them in."""

    def __init__(self, file, text, first, left_out=()):
        self.file, self.text, self.next, self.left_out = file, text, first, left_out
        self.mutants = []
        self.prefix, self.suffix = [], []
        self.tokens = [Token(match) for match in TOKEN.finditer(text)]
        self.tokens = [token for token in self.tokens if token.kind != "blank"]
        self.pair_brackets()
        for function, returns_bool, first_token, last_token in self.bodies():
            self.search(function, returns_bool, first_token, last_token)
        self.name_apart()

    def pair_brackets(self):
        open_ones = []
        for index, token in enumerate(self.tokens):
            if token.kind == "sign" and token.said in OPENING:
                open_ones.append(index)
            elif token.kind == "sign" and token.said in CLOSING:
                token.partner = open_ones.pop()
                self.tokens[token.partner].partner = index

    def bodies(self):
        """(name, whether it is bool, first, last token) of each function."""
        index = begin = 0
        while index < len(self.tokens):
            token = self.tokens[index]
            if token.said in ("(", "["):
                index = token.partner
            elif token.said == ";" or token.kind == "directive":
                begin = index + 1
            elif token.said == "{":
                before = self.tokens[index - 1]
                if before.said == ")":
                    head = self.tokens[begin:before.partner]
                    yield (head[-1].said, any(word.said == "bool" for word in head),
                           index + 1, token.partner)
                    begin = token.partner + 1
                index = token.partner
            index += 1

    def search(self, function, returns_bool, first, last):
        for index in range(first, last):
            token = self.tokens[index]
            said = token.said
            if said in ("if", "while"):
                close = self.tokens[index + 1].partner
                self.condition(function, index + 2, close, said == "if")
            elif said == "for":
                self.loop(function, index + 1)
            elif said == "?" and self.tokens[index + 1].said != ":":
                self.condition(function, self.left(index, ENDS), index, True)
            elif said in ("&&", "||"):
                self.operands(function, index, said)
            elif said in MOVED:
                self.relation(function, index)
            elif said == "return" and returns_bool:
                self.returned(function, index)

    def left(self, index, ends):
        """The first token of the operand that ends before `index`."""
        while True:
            before = self.tokens[index - 1]
            if before.said in CLOSING and before.kind == "sign" and before.said != "}":
                index = before.partner
            elif before.said == "}" and self.tokens[before.partner - 1].said == ")":
                index = before.partner      # (struct name){ ... }
            elif before.said in ends or before.said in OPENING or before.said == "}":
                return index
            elif before.said == "&" and ends is ENDS_RELATION and self.is_binary(index - 1):
                return index
            else:
                index -= 1

    def right(self, index, ends):
        """The token behind the operand that begins at `index`."""
        while True:
            token = self.tokens[index]
            if token.kind == "sign" and token.said in OPENING:
                index = token.partner + 1
            elif token.said in ends or token.said in CLOSING:
                return index
            elif token.said == "&" and ends is ENDS_RELATION and self.is_binary(index):
                return index
            else:
                index += 1

    def is_binary(self, index):
        before = self.tokens[index - 1]
        return before.said in (")", "]") or before.kind == "word" and before.said != "return"

    def operand(self, first, behind):
        """The text of the tokens from `first` to the one before `behind`, on one line."""
        return " ".join(self.raw(first, behind).split())

    def raw(self, first, behind):
        return self.text[self.tokens[first].start:self.tokens[behind - 1].end]

    def usable(self, first, behind):
        """Not a constant, nor one that the preprocessor has a hand in, nor on a line left out."""
        lines = {self.text.count("\n", 0, token.start) + 1 for token in self.tokens[first:behind]}
        return not lines & set(self.left_out) and not all(re.fullmatch(r"[\d()]\w*|true|false", token.said)
                       for token in self.tokens[first:behind]) and \
            not any(token.kind == "directive" for token in self.tokens[first:behind])

    def add(self, function, index, what):
        token = self.tokens[index]
        begin = self.text.rfind("\n", 0, token.start) + 1
        line = self.text.count("\n", 0, begin) + 1
        text = self.text[begin:self.text.find("\n", token.start)].strip()
        mutant = Mutant(self.file, function, line, what, text)
        mutant.number = self.next
        self.next += 1
        self.mutants.append(mutant)
        return mutant.number

    def wrap(self, first, behind, before, after):
        """Notes what goes around the tokens; of two in one place the longer is outside."""
        start, end = self.tokens[first].start, self.tokens[behind - 1].end
        self.prefix.append((start, -end, len(self.prefix), before))
        self.suffix.append((end, -start, -len(self.suffix), after))

    def force(self, first, behind, never, always):
        self.wrap(first, behind, f"mutant_condition({never}, {always}, (", "))")

    def condition(self, function, first, behind, turned):
        if not self.usable(first, behind):
            return
        said = self.operand(first, behind)
        never = self.add(function, first, f"never ({said})")
        always = self.add(function, first, f"always ({said})") if turned else -1
        self.force(first, behind, never, always)

    def loop(self, function, opening):
        first = self.right(opening + 1, {";"}) + 1
        behind = self.right(first, {";"})
        if behind > first:
            self.condition(function, first, behind, False)

    def returned(self, function, index):
        first, behind = index + 1, self.right(index + 1, {";"})
        if not any(token.said == "?" for token in self.tokens[first:behind]):
            self.condition(function, first, behind, True)

    def operands(self, function, index, sign):
        """The operand on the right, and that on the left if it is the first in its row."""
        ends, value = (ENDS_AND, "&&") if sign == "&&" else (ENDS_OR, "||")
        first = self.left(index, ends)
        ranges = [(index + 1, self.right(index + 1, ends))]
        if self.tokens[first - 1].said != value:
            ranges.insert(0, (first, index))
        for begin, behind in ranges:
            if not self.usable(begin, behind):
                continue
            number = self.add(function, begin, f"{sign} without ({self.operand(begin, behind)})")
            if sign == "&&":
                self.force(begin, behind, -1, number)
            else:
                self.force(begin, behind, number, -1)

    def relation(self, function, index):
        """Not of `a < b ? a : b`, which is the same with <=."""
        first, behind = self.left(index, ENDS_RELATION), self.right(index + 1, ENDS_RELATION)
        if not self.usable(first, behind) or self.is_least_or_most(first, index, behind):
            return
        sign = self.tokens[index]
        moved = self.text[self.tokens[first].start:sign.start] + MOVED[sign.said] + \
            self.text[sign.end:self.tokens[behind - 1].end]
        number = self.add(function, first, f"({self.operand(first, behind)}) with {MOVED[sign.said]}")
        self.wrap(first, behind, f"(mutant_moved({number}) ? ({moved}) : (", "))")

    def is_least_or_most(self, first, index, behind):
        if self.tokens[behind].said != "?":
            return False
        colon = self.right(behind + 1, {":"})
        both = {self.operand(first, index), self.operand(index + 1, behind)}
        return both == {self.operand(behind + 1, colon),
                        self.operand(colon + 1, self.right(colon + 1, ENDS))}

    def name_apart(self):
        """Two of one name in a function get numbers."""
        seen = {}
        for mutant in self.mutants:
            seen.setdefault(mutant.key(), []).append(mutant)
        for twins in seen.values():
            if len(twins) > 1:
                for count, mutant in enumerate(twins, 1):
                    mutant.what += f" #{count}"

    def written(self):
        """The text with every mutant in it."""
        edits = [(end, 0, start, order, text) for end, start, order, text in self.suffix]
        edits += [(start, 1, end, order, text) for start, end, order, text in self.prefix]
        result, at = [], 0
        for place, _, _, _, text in sorted(edits):
            result += [self.text[at:place], text]
            at = place
        return "".join(result) + self.text[at:]
