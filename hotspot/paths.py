"""Where the folders are that an operator may restyle and that ship beside the code: portal_templates and router_configs.

In a checkout they lie at its top level; in a wheel they are inside the package, below ``_shipped`` (see pyproject.toml).
"""

from pathlib import Path

from hotspot.errors import NotFound

PACKAGE = Path(__file__).resolve().parent


class NotShipped(NotFound):
    """There is no folder named {name} in this installation; it is incomplete"""


def shipped(name: str, package: Path = PACKAGE) -> Path:
    """Find the shipped folder of this name: the checkout's when `package` lies in one, else the wheel's.

    Raises:
        NotShipped: there is no such folder.

    """
    in_checkout = package.parent / name
    in_wheel = package / "_shipped" / name
    # Beside an installed package lie other packages' folders; a checkout has our pyproject.toml beside it.
    if (package.parent / "pyproject.toml").is_file() and in_checkout.is_dir():
        return in_checkout
    if in_wheel.is_dir():
        return in_wheel
    raise NotShipped(name=name)
