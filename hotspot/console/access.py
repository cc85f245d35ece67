"""Who may see a console page: the log-in cookie, forms that nobody else can send, and headers on every answer.

A form is accepted when its token belongs to the browser's cookie (synchroniser token) and the browser does not say that another
site sent it (Sec-Fetch-Site, Origin).
"""

from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import Depends, Request, Response
from fastapi.responses import RedirectResponse
from fastapi.routing import APIRoute

from hotspot.console.words import page
from hotspot.errors import HotspotError, NotAllowed
from hotspot.security import new_token
from hotspot.settings import Settings
from hotspot.staff.models import Role, StaffAccount
from hotspot.staff.service import LOGIN_LIFE, find_staff_by_cookie
from hotspot.web import Now, ReadDb, has_foreign_origin, status_of

HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'",
    "cross-origin-opener-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
FORM_PURPOSE = "console form"
SUPPORT_ROLES = (Role.ADMIN, Role.NETWORK)  # who may look up what became of a guest's attempt


class NotSignedIn(NotAllowed):
    """Sign in first"""


class ForgedForm(NotAllowed):
    """This form was not sent from our own page, or the page is too old; open it again"""


class ConsoleRoute(APIRoute):
    """Give every answer of the console its headers, errors included, and lead the anonymous to where they can sign in."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        answer = super().get_route_handler()

        async def answer_safely(request: Request) -> Response:
            try:
                response = await answer(request)
            except NotSignedIn:
                response = _lead_to_sign_in(request)
            except HotspotError as error:
                response = page(request, "problem.html", {"problem": type(error).__name__}, status=status_of(error))
            for name, value in HEADERS.items():
                response.headers.setdefault(name, value)  # a page for a frame brings its own policy
            return response

        return answer_safely


def _lead_to_sign_in(request: Request) -> Response:
    if "hx-request" in request.headers:  # a fragment can't show it: have htmx load the whole page anew
        return Response(status_code=401, headers={"hx-refresh": "true"})
    return RedirectResponse("/console/login", 303)


def staff_cookie(settings: Settings) -> str:
    """Return the log-in cookie's name; ``__Host-`` (RFC 6265bis §4.1.3.2) needs https."""
    return _cookie("hotspot_staff", settings)


def form_cookie(settings: Settings) -> str:
    """Return the name of the cookie that ties the sign-in form to a browser before anybody is signed in."""
    return _cookie("hotspot_form", settings)


def _cookie(name: str, settings: Settings) -> str:
    return f"__Host-{name}" if _is_https(settings) else name


def _is_https(settings: Settings) -> bool:
    return settings.base_url.startswith("https:")


def set_cookie(response: Response, settings: Settings, name: str, value: str) -> None:
    response.set_cookie(
        name,
        value,
        max_age=int(LOGIN_LIFE.total_seconds()),
        path=_path(settings),
        secure=_is_https(settings),
        httponly=True,
        samesite="lax",
    )


def drop_cookie(response: Response, settings: Settings, name: str) -> None:
    response.delete_cookie(name, path=_path(settings), secure=_is_https(settings), httponly=True, samesite="lax")


def _path(settings: Settings) -> str:
    return "/" if _is_https(settings) else "/console"


def _signed_in(request: Request, db: ReadDb, now: Now) -> StaffAccount:
    cookie = request.cookies.get(staff_cookie(request.app.state.settings))
    staff = find_staff_by_cookie(db, cookie, now) if cookie else None
    if staff is None:
        raise NotSignedIn
    return staff


SignedIn = Annotated[StaffAccount, Depends(_signed_in)]


def form_token(settings: Settings, cookie: str) -> str:
    """Return the token that forms shown to the browser with this cookie carry."""
    return settings.keys.sign(FORM_PURPOSE, cookie)


def staff_facts(request: Request, staff: StaffAccount, settings: Settings) -> dict[str, object]:
    """Return what a page shows of who is signed in, and the token for its forms."""
    return {
        "staff": staff.name,
        "may_look_up": staff.role in SUPPORT_ROLES,
        "form_token": form_token(settings, request.cookies[staff_cookie(settings)]),
    }


def new_form_cookie(request: Request, settings: Settings) -> str:
    """Return the form cookie the browser has, or a new one to set."""
    return request.cookies.get(form_cookie(settings)) or new_token()


def refuse_forged(request: Request, settings: Settings, cookie_name: str, token: str) -> None:
    """Raise ForgedForm unless our own page, shown to this browser, sent the form."""
    cookie = request.cookies.get(cookie_name, "")
    if not settings.keys.is_signed(token, FORM_PURPOSE, cookie):
        raise ForgedForm
    if request.headers.get("sec-fetch-site", "same-origin") != "same-origin":
        raise ForgedForm
    if has_foreign_origin(request, settings):
        raise ForgedForm


def refuse_forged_by_staff(request: Request, settings: Settings, token: str) -> None:
    """Raise ForgedForm unless our own page, shown to who is signed in, sent the form."""
    refuse_forged(request, settings, staff_cookie(settings), token)
