"""What guests read, as a TOML file with one table a language."""

import tomllib
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from hotspot.cli.output import UnreadableFile, read_text


def read_texts(path: Path) -> dict[str, dict[str, str]]:
    """Read a TOML file with one table a language."""
    try:
        return TypeAdapter(dict[str, dict[str, str]]).validate_python(tomllib.loads(read_text(path)))
    except tomllib.TOMLDecodeError as error:
        raise UnreadableFile(path=path, problem=error) from error
    except ValidationError as error:
        raise UnreadableFile(path=path, problem="needs one table of texts a language, such as [id]") from error
