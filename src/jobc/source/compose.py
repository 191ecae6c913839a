"""YAML text to light nodes with exact places.

The nodes are built in one loop over the parser's events, without recursion, so nesting costs no
Python stack. Four things are decided here that the event stream leaves open:

- *Ends.* The parser ends a block collection where the next token starts, and a block scalar after
  its trailing blank lines. A block collection ends here where its last scalar, alias or flow
  collection ends; a block scalar at the end of its last line that is not blank.
- *Starts.* The parser starts a node at its anchor or tag; here it starts at what they stand before.
- *Aliases* give the anchored node itself. What a file would be if they were copied out is counted,
  and an alias past `limit` nodes, or inside its own anchor, is a problem and becomes null.
- *Mappings* are finished when they end: duplicate keys left out, merge keys resolved.

A text with syntax errors goes through `recovery` first, which gives a text of the same length that
parses; the nodes are then composed from that, with places in the file as it stands.
"""

from __future__ import annotations

import re
from typing import Any

from jobc.source.cparser import load
from jobc.source.events import HOPELESS, Standin, pull
from jobc.source.file import SourceFile, Span
from jobc.source.mappings import NO_SCALAR, UNUSUAL, finish
from jobc.source.nodes import Composed, Entry, Mapping, Node, Problem, Scalar, ScalarValue, Sequence
from jobc.source.scalars import BEGINNINGS, resolve, resolve_tagged

DEEPEST = 100
_STYLES = {"'": "single", '"': "double", "|": "literal", ">": "folded"}
_TAGS = {f"tag:yaml.org,2002:{kind}": kind for kind in ("str", "int", "float", "bool", "null", "map", "seq")}
_PROPERTY = re.compile(r"!<[^>\r\n]*>|![^\s,\[\]{}]*|&[^\s,\[\]{}:]*")
_BETWEEN = re.compile(r"(?:[ \t\r\n]|(?<=\s)#[^\r\n]*)*")
_HEADER = re.compile(r"[|>][-+0-9]*")
_LINE = re.compile(r"[^\r\n]*")


def compose(file: SourceFile, *, limit: int = 1_000_000) -> Composed:
    """Compose all documents of a file. Never raises for what a file may hold: see `Composed.problems`.

    `limit` is the number of nodes that the file may have with its aliases copied out.
    """
    load()
    from ruamel.yaml.error import YAMLError

    standin = Standin(file.text)
    try:
        return _read(file, standin, limit)
    except (YAMLError, UnicodeEncodeError):
        pass
    if standin.free_inner():
        try:
            return _read(file, standin, limit)
        except (YAMLError, UnicodeEncodeError):
            pass
    from jobc.source.recovery import recover

    found, holes = recover(file, standin)
    composed = _read(file, standin, limit)
    composed.problems = sorted(found + composed.problems, key=lambda problem: problem.span.start)
    composed.holes = holes + composed.holes
    return composed


def _read(file: SourceFile, standin: Standin, limit: int) -> Composed:
    composer = Composer(file, standin, limit)
    try:
        return composer.run()
    except _TooDeepError:
        return composer.composed


class _TooDeepError(Exception):
    """Nested so deep that nothing more is read."""


class Composer:
    """One pass over the events of a stand-in text that parses."""

    def __init__(self, file: SourceFile, standin: Standin, limit: int) -> None:
        self.file = file
        self.standin = standin
        self.limit = limit
        self.anchors: dict[str, Node] = {}
        self.sizes: dict[int, int] = {}
        self.expanded = 0
        self.composed = Composed(file, [], [])

    def run(self) -> Composed:
        from ruamel.yaml.events import (
            AliasEvent,
            DocumentEndEvent,
            DocumentStartEvent,
            MappingEndEvent,
            MappingStartEvent,
            ScalarEvent,
            SequenceEndEvent,
            SequenceStartEvent,
        )

        file, back, styles = self.file, self.standin.back, _STYLES
        get = pull(self.standin)
        stack: list[tuple[list[Any], Scalar | None, Node | None]] = []
        # The collection being filled: its items or entries, whether it is a mapping, the key that waits.
        items: list[Any] = []
        top: Node | None = None
        keyed = False
        key: Scalar | None = None
        end = 0
        node: Node
        for event in iter(get, None):
            kind = type(event)
            if kind is ScalarEvent:
                text = event.value
                style = event.style
                start = event.start_mark.index
                end = event.end_mark.index
                tag = event.ctag
                anchor = event.anchor
                if back:
                    text = self.standin.restore(text)
                if tag is not None or anchor is not None:
                    node = self._scalar(event, text, start, end)
                    end = node.end
                elif not text and not style:
                    start = end = self._empty(start)
                    node = Scalar(file, start, end, text, None, "plain")
                elif not style:
                    value = resolve(text) if text[0] in BEGINNINGS else text
                    node = Scalar(file, start, end, text, value, "plain", None, None)
                elif style == '"' or style == "'":
                    node = Scalar(file, start, end, text, text, styles[style], None, None)
                else:
                    end = self._block_end(start, end)
                    node = Scalar(file, start, end, text, text, _STYLES[style])
            elif kind is MappingStartEvent or kind is SequenceStartEvent:
                if len(stack) > DEEPEST:
                    start = event.start_mark.index
                    self._too_deep(start)
                    end = self._skip(get)
                    node = Scalar(file, start, end, "", None, "plain")
                else:
                    stack.append((items, key, top))
                    key = None
                    start = event.start_mark.index
                    tag = event.ctag
                    anchor = event.anchor
                    if tag is not None or anchor is not None:
                        start, tag = self._properties(event, start, kind is MappingStartEvent)
                    if kind is MappingStartEvent:
                        keyed = True
                        top = Mapping(file, start, event.flow_style, tag, anchor)
                        items = top.entries
                    else:
                        keyed = False
                        top = Sequence(file, start, event.flow_style, tag, anchor)
                        items = top.items
                    if anchor is not None:
                        self.anchors[anchor] = top
                    continue
            elif kind is SequenceEndEvent or kind is MappingEndEvent:
                assert top is not None
                node = top
                if node.flow:  # type: ignore[union-attr]
                    end = event.end_mark.index
                node.end = end
                if keyed:
                    texts = {entry.key.text for entry in items}
                    if len(texts) != len(items) or not texts.isdisjoint(UNUSUAL):
                        node = finish(node, self.composed.problems)  # type: ignore[arg-type]
                items, key, top = stack.pop()
                keyed = type(top) is Mapping
            elif kind is AliasEvent:
                start, end = event.start_mark.index, event.end_mark.index
                node = self._alias(event.anchor, start, end, top, stack)
            elif kind is DocumentStartEvent:
                self.anchors = {}
                items = []
                continue
            elif kind is DocumentEndEvent:
                self.composed.documents.append(self._document(items))
                continue
            else:
                continue
            if not keyed:
                items.append(node)
            elif key is not None:
                items.append(Entry(key, node))
                key = None
            elif type(node) is Scalar:
                key = node
            else:
                key = Scalar(file, node.start, end, NO_SCALAR, None, "plain")
        return self.composed

    def _document(self, items: list[Node]) -> Node | None:
        root = items[0]
        empty = type(root) is Scalar and root.style == "plain" and not root.text and root.tag is None
        return None if empty and root.anchor is None else root

    def _problem(self, rule: str, message: str, start: int, end: int, help: str) -> None:
        self.composed.problems.append(Problem(rule, message, Span(self.file, start, end), help))

    def _empty(self, offset: int) -> int:
        """The place of a value that is not written: after the colon or dash, not at the next token."""
        text = self.file.text
        while offset and text[offset - 1] in " \t\r\n":
            offset -= 1
        return offset

    def _block_end(self, start: int, end: int) -> int:
        text = self.file.text
        last = start + len(text[start:end].rstrip(" \t\r\n"))
        if text.startswith("\n", last) and text.find("\n", start, last) >= 0:
            return last
        first_line = _LINE.match(text, start)
        assert first_line is not None
        if last <= first_line.end():
            header = _HEADER.match(text, start)
            return header.end() if header else last
        line = _LINE.match(text, last)
        assert line is not None
        return min(line.end(), end)

    def _after_properties(self, start: int, end: int) -> tuple[int, int]:
        """(start of the tag or anchor that comes last, start of the node itself)."""
        text = self.standin.text
        last = start
        while start < end or start == last:
            match = _PROPERTY.match(text, start)
            if match is None:
                break
            last, after = start, min(match.end(), end)
            between = _BETWEEN.match(text, after)
            start = between.end() if between else after
            if start >= end:
                return last, after
        return last, min(start, end)

    def _tag(self, event: Any, start: int) -> str | None:
        """The kind that the tag names; None for no tag and, with a problem, for a tag that is unknown."""
        if event.ctag is None:
            return None
        tag = str(event.ctag)
        if tag == "!":
            return "!"
        kind = _TAGS.get(tag)
        if kind is None:
            match = re.compile(r"!<[^>\r\n]*>|![^\s,\[\]{}]*").search(self.file.text, start)
            written = match[0] if match else tag
            place = match.start() if match else start
            self._problem(
                "yaml-syntax",
                f"unknown tag `{written}`",
                place,
                place + len(written),
                "put the value in quotes if it is text that begins with `!`; else remove the tag",
            )
        return kind

    def _scalar(self, event: Any, text: str, start: int, end: int) -> Scalar:
        """A scalar with a tag or an anchor."""
        kind = self._tag(event, start)
        _, inner = self._after_properties(start, end)
        style = _STYLES.get(event.style, "plain") if event.style else "plain"
        if style in ("literal", "folded"):
            end = self._block_end(inner, end)
        value: ScalarValue = text
        if kind in ("map", "seq"):
            words = "a map" if kind == "map" else "a list"
            self._problem(
                "yaml-syntax",
                f"tag `!!{kind}` stands before a value that is not {words}",
                start,
                end,
                "remove the tag",
            )
        elif kind is not None and kind != "!":
            try:
                value = resolve_tagged(text, kind)
            except ValueError as expected:
                shown = text if len(text) <= 40 else text[:39] + "…"
                self._problem(
                    "yaml-syntax",
                    f"`{shown}` is not {expected}, as its tag `!!{kind}` says",
                    inner,
                    end,
                    "change the value, or remove the tag",
                )
        elif event.ctag is not None and kind is None and style == "plain" and event.anchor is None:
            # An unknown tag before plain text is surely text, such as `!failure()`.
            inner = start
            text = value = " ".join(self.file.text[start:end].split())
        elif kind is None and style == "plain":
            value = resolve(text)
        scalar = Scalar(self.file, inner, end, text, value, style, kind, event.anchor)
        if event.anchor is not None:
            self.anchors[event.anchor] = scalar
        return scalar

    def _properties(self, event: Any, start: int, keyed: bool) -> tuple[int, str | None]:
        """(start without tag and anchor, kind of the tag) of a collection that has one of them."""
        kind = self._tag(event, start)
        _, inner = self._after_properties(start, len(self.file.text))
        if kind is not None and kind != ("map" if keyed else "seq"):
            words = "a map" if keyed else "a list"
            self._problem(
                "yaml-syntax", f"tag `!!{kind}` stands before {words}", start, inner, "remove the tag"
            )
        return inner, kind

    def _alias(self, name: str, start: int, end: int, top: Node | None, stack: list[Any]) -> Node:
        node = self.anchors.get(name)
        if node is None:
            from jobc.source.wording import nearest

            close = nearest(name, self.anchors)
            self._problem(
                "yaml-syntax",
                f"no anchor `&{name}` stands before this alias",
                start,
                end,
                f"did you mean `*{close}`?"
                if close
                else f"mark the value to repeat with `&{name}`, or quote `*{name}` if it is text",
            )
            return Scalar(self.file, start, end, "*" + name, "*" + name, "plain")
        if type(node) is not Scalar and (node is top or any(node is frame[2] for frame in stack)):
            self.composed.problems.append(
                Problem(
                    "alias-expansion",
                    f"`*{name}` stands inside the value that `&{name}` marks, so it would never end",
                    Span(self.file, start, end),
                    "write out here what is meant",
                    ((Span(self.file, node.start, node.start + 1), f"`&{name}` marks this value"),),
                )
            )
            return Scalar(self.file, start, end, "", None, "plain")
        self.expanded += self._size(node)
        if self.expanded > self.limit:
            first = self.expanded - self._size(node) <= self.limit
            self.expanded = self.limit + 1 if first else self.expanded
            if first:
                self._problem(
                    "alias-expansion",
                    f"aliases make this file longer than {self.limit:,} values from `*{name}` on",
                    start,
                    end,
                    "repeat fewer values: an alias of a value that itself holds aliases multiplies them",
                )
            return Scalar(self.file, start, end, "", None, "plain")
        return node

    def _size(self, node: Node) -> int:
        """The number of nodes with aliases copied out; those of nodes an alias has named are remembered."""
        known = self.sizes.get(id(node))
        if known is not None:
            return known
        size, waiting = 0, [node]
        while waiting:
            part = waiting.pop()
            size += 1
            if type(part) is Scalar:
                continue
            children = part.items if type(part) is Sequence else [e.value for e in part.entries]  # type: ignore[union-attr]
            for child in children:
                known = self.sizes.get(id(child))
                if known is None:
                    waiting.append(child)
                else:
                    size += known
        self.sizes[id(node)] = size
        return size

    def _too_deep(self, start: int) -> None:
        self._problem(
            "yaml-syntax",
            f"values are nested more than {DEEPEST} levels deep",
            start,
            start + 1,
            "move the inner part to a job or a file of its own",
        )

    def _skip(self, get: Any) -> int:
        """Read past the collection that just started; the offset of its end."""
        from ruamel.yaml.events import (
            MappingEndEvent,
            MappingStartEvent,
            SequenceEndEvent,
            SequenceStartEvent,
        )

        open_collections = 1
        end: int = 0
        for event in iter(get, None):
            kind = type(event)
            if kind is MappingStartEvent or kind is SequenceStartEvent:
                open_collections += 1
                if open_collections > HOPELESS:
                    self.composed.holes = [Span(self.file, event.start_mark.index, len(self.file.text))]
                    raise _TooDeepError
            elif kind is MappingEndEvent or kind is SequenceEndEvent:
                open_collections -= 1
                if open_collections == 0:
                    end = event.end_mark.index
                    break
        return end
