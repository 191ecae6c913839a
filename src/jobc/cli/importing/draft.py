"""The original text, the edits to it, and the report about them.

An edit replaces a range of the original or inserts at a place of it. Two edits never overlap: what lies inside of a
range that was replaced before is left alone.
"""

from __future__ import annotations

import re

from jobc.cli.importing.item import Item
from jobc.source.file import SourceFile, Span
from jobc.source.nodes import Entry, Mapping, Node, Scalar, Sequence

_DASH = re.compile(r"-\s+(?:[&!]\S+\s+)*\Z")


class Draft:
    __slots__ = ("_edits", "_gone", "_seen", "file", "items")

    def __init__(self, file: SourceFile) -> None:
        self.file = file
        self.items: list[Item] = []
        self._edits: list[tuple[int, int, int, str]] = []
        self._gone: set[int] = set()
        self._seen: set[int] = set()

    def first_visit(self, node: Node) -> bool:
        """Whether this node is met for the first time; an alias leads to the node that it names again."""
        if id(node) in self._seen:
            return False
        self._seen.add(id(node))
        return True

    def say(
        self,
        severity: str,
        span: Span,
        message: str,
        *,
        was: str | None = None,
        now: str | None = None,
        help: str = "",
    ) -> None:
        """Add a line to the report.

        Unless they are given, `was` is the original's text at `span`, and `now` the same, or nothing for an entry that
        was commented out.
        """
        was = span.text if was is None else was
        if now is None:
            now = "" if span.start in self._gone else was
        self.items.append(Item(severity, span, was, now, message, help))

    def touched(self, start: int, end: int) -> bool:
        """Whether a part of this range was replaced."""
        return any(a < end and start < b for a, b, _, _ in self._edits)

    def replace(self, start: int, end: int, text: str) -> None:
        if (
            start == end and text and self.file.text[start - 1 : start] == ":"
        ):  # in the place of an empty value
            text = " " + text
        self._edits.append((start, end, len(self._edits), text))

    def insert(self, offset: int, text: str) -> None:
        self.replace(offset, offset, text)

    def text(self) -> str:
        """The text with all edits; inserted lines end as the original's do."""
        original = self.file.text
        newline = "\r\n" if "\r\n" in original else "\n"
        out: list[str] = []
        cursor = 0
        for start, end, _, text in sorted(
            self._edits, key=lambda edit: (edit[0], edit[0] != edit[1], edit[2])
        ):
            if start < cursor:
                continue
            out += original[cursor:start], text.replace("\n", newline)
            cursor = end
        return "".join([*out, original[cursor:]])

    # Structure

    def rename(self, mapping: Mapping, entry: Entry, name: str) -> None:
        """Give an entry another key; where the mapping has that key already, the entry becomes a comment."""
        if mapping.get(name) is None:
            self.replace(entry.key.start, entry.key.end, name)
        else:
            self.comment_out(mapping, entry)

    def add_before(self, mapping: Mapping, entry: Entry, lines: list[str]) -> None:
        """Add entries, one a line, in front of an entry of the mapping."""
        offset = entry.key.start
        if mapping.flow:
            self.insert(offset, "".join(line + ", " for line in lines))
        else:
            margin = "\n" + " " * (self.column(offset) - 1)
            self.insert(offset, "".join(line + margin for line in lines))

    def add_item(self, sequence: Sequence, text: str) -> None:
        """Add an item at the end of a sequence."""
        if sequence.flow:
            self.insert(sequence.end - 1, f", {text}" if sequence.items else text)
        else:
            last = sequence.items[-1]
            margin = " " * (self.column(self._dash(last)) - 1)
            self.insert(last.end, f"\n{margin}- {text}")

    def add_item_before(self, sequence: Sequence, item: Node, text: str) -> None:
        if sequence.flow:
            self.insert(item.start, f"{{{text}}}, ")
        else:
            dash = self._dash(item)
            self.insert(dash, f"- {text}\n{' ' * (self.column(dash) - 1)}")

    def comment_out(self, mapping: Mapping, entry: Entry) -> None:
        """Turn an entry into a comment; in a flow mapping, where a comment could not stand, take it out."""
        self._gone.add(entry.key.start)
        if mapping.flow:
            self._cut(mapping, entry)
            return
        start, end = entry.key.start, self.end(entry)
        line_start = self.file.text.rfind("\n", 0, start) + 1
        lines = self.file.text[start:end].splitlines()
        column = start - line_start
        commented = [
            "# " + (line[column:] if not line[:column].strip() else line.lstrip()) for line in lines[1:]
        ]
        commented = ["# " + lines[0], *(line.rstrip() for line in commented)]
        if self.file.text[line_start:start].strip():
            # The entry stands on the line of its item's dash: the comment goes above the item.
            following = [other for other in mapping.entries if other.key.start > start and not other.merged]
            stop = following[0].key.start if following else end
            self.replace(start, stop, "" if following else "{}")
            indent = re.match(r"\s*", self.file.text[line_start:start])
            margin = indent[0] if indent else ""
            self.insert(line_start, "".join(f"{margin}{line}\n" for line in commented))
        else:
            self.replace(start, end, ("\n" + " " * column).join(commented))

    def end(self, entry: Entry) -> int:
        """Where an entry ends, blanks after it not counted."""
        text = self.file.text
        if entry.value.start < entry.key.start or entry.value.end <= entry.key.end:  # an alias, or no value
            end = text.find("\n", entry.key.end)
            return len(text) if end < 0 else end
        return entry.key.start + len(text[entry.key.start : entry.value.end].rstrip())

    def column(self, offset: int) -> int:
        return self.file.position(offset)[1]

    def span(self, node: Node | Entry) -> Span:
        """The place of a node, or of an entry with its key."""
        if isinstance(node, Entry):
            return Span(self.file, node.key.start, self.end(node))
        return Span(self.file, node.start, node.end)

    def _dash(self, item: Node) -> int:
        match = _DASH.search(self.file.text, max(0, item.start - 200), item.start)
        return match.start() if match else item.start

    def _cut(self, mapping: Mapping, entry: Entry) -> None:
        """Take an entry out of a flow mapping, with the comma before it, or after it where it is the first one left."""
        following = [other for other in mapping.entries if other.key.start > entry.key.start]
        before = [other for other in mapping.entries if other.key.start < entry.key.start]
        if any(other.key.start not in self._gone for other in before):
            self.replace(self.end(before[-1]), self.end(entry), "")
        else:
            self.replace(entry.key.start, following[0].key.start if following else self.end(entry), "")


def entry_of(mapping: Node | None, *names: str) -> Entry | None:
    """The entry with one of these keys."""
    if isinstance(mapping, Mapping):
        for entry in mapping.entries:
            if entry.key.text in names:
                return entry
    return None


def text_of(node: Node | None) -> str | None:
    """The text of a scalar, None for anything else."""
    return node.text if isinstance(node, Scalar) else None
