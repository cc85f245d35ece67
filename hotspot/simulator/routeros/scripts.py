"""The commands that run text as a script; what text means is the interpreter's."""

from dataclasses import replace

from hotspot.simulator.routeros.changes import targets
from hotspot.simulator.routeros.sessions import Call, Result, Session
from hotspot.simulator.routeros.traps import (
    SCRIPTING,
    Trap,
    missing_values,
    no_such_item,
    not_permitted,
    unknown_parameter,
)

DRY_RUN_SINCE = (7, 16)


class NoInterpreter:
    """What a router has that nobody gave an interpreter."""

    def run(self, source: str, *, session: Session, dry_run: bool = False) -> str:  # noqa: ARG002
        """Run nothing but the empty script."""
        if source.strip():
            raise Trap("scripts are not simulated here", SCRIPTING)
        return ""


def _yes(call: Call, name: str) -> bool:
    return call.arguments.get(name, "no") in {"yes", "true", ""}


def import_(call: Call) -> Result:
    """Run a file, or with ``dry-run`` only check it; that goes only together with ``verbose``."""
    name = call.arguments.get("file-name")
    if name is None:
        raise missing_values(["file-name"])
    dry_run = "dry-run" in call.arguments
    if dry_run and (call.router.version < DRY_RUN_SINCE or not _yes(call, "verbose")):
        raise unknown_parameter("dry-run")
    octets = call.router.files.read(name)
    if octets is None:
        raise no_such_item()
    source = octets.decode("utf-8", "surrogateescape")
    return Result(
        ret=call.router.interpreter.run(source, session=call.session, dry_run=dry_run and _yes(call, "dry-run"))
    )


def execute(call: Call) -> Result:
    """Run text; ``as-string`` waits for what it prints, without it there is only a job's number."""
    source = call.arguments.get("script")
    if source is None:
        raise missing_values(["script"])
    printed = call.router.interpreter.run(source, session=call.session)
    return Result(ret=printed if "as-string" in call.arguments else "*1")


def run_script(call: Call) -> Result:
    """Run a script of /system/script with its own policy, which can't be more than the caller's unless it says so."""
    number = call.arguments.get("number")
    asked = replace(call, arguments={**call.arguments, **({"numbers": number} if number else {})})
    for row in targets(asked):
        policies = frozenset(row.fields.get("policy", "").split(",")) - {""}
        if row.fields.get("dont-require-permissions") != "true" and not policies <= call.session.policies:
            raise not_permitted()
        session = Session(call.session.user, policies, via="script")
        call.router.interpreter.run(row.fields.get("source", ""), session=session)
    return Result()
