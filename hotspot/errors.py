"""The families of errors. Concrete errors live in the feature that raises them; their docstring is their message.

A door (HTTP, RADIUS, CLI) knows only these families: 404, 403, 409, 422, 503 — or an exit code and one line of text.
"""

import inspect


class HotspotError(Exception):
    """Something went wrong"""

    def __init__(self, **facts: object) -> None:
        """Keep the facts; the message is the class's docstring with the facts filled in."""
        self.facts = facts
        super().__init__(self.message())

    def message(self) -> str:
        """Return the English message, one line, without a final full stop."""
        text = " ".join(inspect.cleandoc(self.__doc__ or type(self).__name__).split())
        return text.format(**self.facts)


class NotFound(HotspotError):
    """There is no such thing"""


class NotAllowed(HotspotError):
    """You may not do this"""


class Conflict(HotspotError):
    """This contradicts what is already there"""


class Invalid(HotspotError):
    """The input can't be used"""


class Unavailable(HotspotError):
    """A part that is needed does not answer; try again in a moment"""
