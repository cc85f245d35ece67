"""The little Markdown that the city's information may use: paragraphs, emphasis, lists, links. Pure.

markdown-it reads it, with HTML off and every other rule off. Of what it reads only the kinds named here are taken, and the markup is
made here, from fixed tags around escaped text: nothing that somebody wrote gets into a page as it stands.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode
from markupsafe import Markup

RULES: Final = ["list", "paragraph", "escape", "emphasis", "link", "newline", "balance_pairs", "fragments_join"]
TAGS: Final = {
    "paragraph": "p",
    "bullet_list": "ul",
    "ordered_list": "ol",
    "list_item": "li",
    "em": "em",
    "strong": "strong",
}
BREAKS: Final = ("softbreak", "hardbreak")
KEPT: Final = 2_000  # texts whose reading is remembered; each is short


@dataclass(frozen=True, slots=True)
class Node:
    """A piece of a text: words, or a `kind` of TAGS, "break" or "link" around others."""

    kind: str
    text: str = ""
    inside: tuple["Node", ...] = ()
    target: str = ""  # of a link, as it was written
    start: int = 1  # of an ordered list


@lru_cache(KEPT)
def read(text: str) -> tuple[Node, ...]:
    """Read Markdown; what is not allowed in it stays text."""
    reader = MarkdownIt("zero", {"html": False}).enable(RULES)
    return _nodes(SyntaxTreeNode(reader.parse(text)))


def _nodes(parent: SyntaxTreeNode) -> tuple[Node, ...]:
    return tuple(node for child in parent.children for node in _read(child))


def _read(found: SyntaxTreeNode) -> Iterator[Node]:
    if found.type == "inline" or (found.type == "paragraph" and found.hidden):  # of a list without blank lines
        yield from _nodes(found)
    elif found.type in BREAKS:
        yield Node("break")
    elif found.type == "link":
        yield Node("link", inside=_nodes(found), target=str(found.attrs["href"]))
    elif found.type in TAGS:
        yield Node(found.type, inside=_nodes(found), start=int(found.attrs.get("start", 1)))
    else:
        yield Node("text", text=found.content)


def links_in(text: str) -> tuple[str, ...]:
    """Return where the links of a text lead, as they were written, each once."""
    return tuple(dict.fromkeys(_targets(read(text))))


def _targets(nodes: tuple[Node, ...]) -> Iterator[str]:
    for node in nodes:
        if node.kind == "link":
            yield node.target
        yield from _targets(node.inside)


def render(text: str, address_of: Callable[[str], str | None]) -> Markup:
    """Return the text as markup. `address_of` says where the page leads for a link's target; None: its words stay words."""
    return _markup(read(text), address_of)


def _markup(nodes: tuple[Node, ...], address_of: Callable[[str], str | None]) -> Markup:
    return Markup("").join(_element(node, address_of) for node in nodes)


def _element(node: Node, address_of: Callable[[str], str | None]) -> Markup:
    inside = _markup(node.inside, address_of)
    if node.kind == "text":
        return Markup.escape(node.text)
    if node.kind == "break":
        return Markup("<br>")
    if node.kind == "link":
        address = address_of(node.target)
        return inside if address is None else Markup('<a href="{}">{}</a>').format(address, inside)
    if node.kind == "ordered_list" and node.start != 1:
        return Markup('<ol start="{}">{}</ol>').format(node.start, inside)
    tag = Markup(TAGS[node.kind])  # noqa: S704  (one of the six above)
    return Markup("<{0}>{1}</{0}>").format(tag, inside)
