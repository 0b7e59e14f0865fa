# SPDX-License-Identifier: GPL-2.0-or-later
"""Reads testsuite/cases, and tells from the name of a test which case it shows."""

import re

GROUPS = {"ring": (1, 39), "iova": (40, 47), "net": (48, 56), "ctl": (57, 63),
          "proc": (64, 75), "nl": (76, 84), "cli": (85, 95)}
TOTAL = 95

# As it is printed (ring-12 ...), and as a unit test is called (ring_12_...).
NUMBERED = re.compile(r"(ring|iova|net|ctl|proc|nl|cli)[-_]0?(\d+)[ _]")


class Case:
    """A case: its name, one line about it, the suites that show it, and what guards it."""

    def __init__(self, name, text):
        self.name, self.text = name, text
        self.suites, self.guards, self.by_hand, self.untried = [], [], [], []
        self.missing = ""


def case_of(test):
    """The name of the case that a test shows, "ring-12"; "" for one without a number."""
    match = NUMBERED.match(test)
    return f"{match[1]}-{int(match[2])}" if match else ""


def expected_names():
    return [f"{group}-{number}" for group, (first, last) in GROUPS.items()
            for number in range(first, last + 1)]


def read(path):
    """The cases in their order. ValueError says which line is wrong."""
    cases = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        word, _, rest = line.strip().partition(" ")
        if not line[0].isspace():
            cases.append(Case(word, rest))
        elif not cases or not rest:
            raise ValueError(f"{path.name}:{number}: it belongs to no case, or says nothing")
        elif word == "in":
            cases[-1].suites += rest.split()
        elif word == "guard":
            cases[-1].guards.append(rest)
        elif word == "hand":
            cases[-1].by_hand.append(rest)
        elif word == "untried":
            cases[-1].untried.append(rest)
        elif word == "missing":
            cases[-1].missing = rest
        else:
            raise ValueError(f"{path.name}:{number}: no word is called {word}")
    names = [case.name for case in cases]
    if names != expected_names():
        wrong = set(names) ^ set(expected_names())
        raise ValueError(f"{path.name}: not each case once, in order: {' '.join(sorted(wrong))}")
    return cases
