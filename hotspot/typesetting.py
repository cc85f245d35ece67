"""Paper: a Typst document and its facts → PDF. The only door to Typst.

A document is a file of the package; what it shows is JSON that it reads, never markup, so that no name can become a command. It has
no network, no folder and no fonts but Typst's own: the same facts make the same paper everywhere.
"""

import json
from collections.abc import Mapping
from pathlib import Path

import typst


def pdf(document: Path, facts: Mapping[str, object], files: Mapping[str, bytes]) -> bytes:
    """Return the document as PDF. It reads `facts` from ``facts.json`` beside itself, and `files` by their names."""
    together = {
        "main": document.read_bytes(),
        "facts.json": json.dumps(facts).encode(),
        **files,
    }
    made: bytes = typst.compile(together, format="pdf", ignore_system_fonts=True)  # type: ignore[call-overload]  # several files as one input are missing in its types
    return made
