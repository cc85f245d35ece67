"""What a guest is told when something is in the way: what happened, and what to do. One place for all the words.

Message ids are English; `N_` marks them for the catalogues, the templates translate. RouterOS's own texts are those of the default
hotspot/errors.txt, which an operator may have reworded: what is not recognised is shown as the router wrote it.
"""

import re
from dataclasses import dataclass
from typing import Final

from hotspot.guests.refusals import N_, Recognised, Refusal, recognise


@dataclass(frozen=True, slots=True)
class Explanation:
    """Message ids of a page that says why it does not go on."""

    title: str
    text: str
    advice: str
    status: int = 400


NO_SUCH_SITE: Final = Explanation(
    N_("This Wi-Fi place is unknown"),
    N_("The address of this page names no place with public Wi-Fi."),
    N_("Connect to the public Wi-Fi again and open the page that your phone offers."),
    404,
)
RETIRED: Final = Explanation(
    N_("There is no public Wi-Fi here any more"),
    N_("This place is no longer served."),
    N_("Look for another place with public Wi-Fi nearby."),
    404,
)
UNREADABLE: Final = Explanation(
    N_("This link is damaged"),
    N_("Some of what your phone handed over can't be read."),
    N_("Switch Wi-Fi off and on again, then open the page that your phone offers."),
)
TOO_LONG: Final = Explanation(UNREADABLE.title, N_("The link is longer than any real one."), UNREADABLE.advice, 414)
TOO_BIG: Final = Explanation(UNREADABLE.title, N_("The form is bigger than any real one."), UNREADABLE.advice, 413)
BAD_DEVICE: Final = Explanation(
    UNREADABLE.title, N_("It does not say correctly which device is asking."), UNREADABLE.advice
)
FOREIGN_ROUTER: Final = Explanation(
    N_("This link does not come from this place's Wi-Fi"),
    N_("It would have sent you to another machine than the router of this place, so it was stopped."),
    N_("Switch Wi-Fi off and on again, then open the page that your phone offers. Don't use links from other people."),
)
TOO_MANY: Final = Explanation(
    N_("Please wait a moment"),
    N_("The button was pressed very often within a minute."),
    N_("Wait a minute, then try again."),
    429,
)
NOT_ON_WIFI: Final = Explanation(
    N_("Open this page from the Wi-Fi"),
    N_("Your device could not be recognised, so it can't be connected from here."),
    N_("Connect to the public Wi-Fi and open the page that your phone offers."),
)
STALE_FORM: Final = Explanation(
    N_("This page was open for too long"),
    N_("For your safety its button works for about an hour."),
    N_("Open the page again and press the button once more."),
    403,
)
FOREIGN_FORM: Final = Explanation(
    N_("This did not come from our page"),
    N_("Another website tried to press the button for you, so it was stopped."),
    N_("Open the page again and press the button yourself."),
    403,
)
NOT_A_PAGE: Final = Explanation(
    N_("Please start from the beginning"),
    N_("This address only works when you press the button on the welcome page."),
    N_("Open the page again and press the button once more."),
    405,
)
FORGED_TICKET: Final = Explanation(
    N_("This link is not valid"),
    N_("It was not made by this Wi-Fi, or a part of it is missing."),
    N_("Open the page again and press the button once more."),
    404,
)
NO_TERMS: Final = Explanation(
    N_("This place is not ready yet"),
    N_("Its terms of use are missing, so nobody can be connected."),
    N_("Please tell the staff of this place."),
    503,
)
NOT_SHOWN: Final = Explanation(
    N_("This information is not shown any more"),
    N_("It has ended, or it was never for this place."),
    N_("Open the page of this place again to see what is shown now."),
    404,
)

NO_SIGN_IN: Final = Explanation(
    NO_TERMS.title,
    N_("It has no way to sign in yet, so nobody can be connected."),
    NO_TERMS.advice,
    503,
)
OTHER_SIGN_IN: Final = Explanation(
    NOT_A_PAGE.title,
    N_("This way to sign in is not offered here any more."),
    N_("Open the page again and choose one that is shown."),
    409,
)
OWN_DATA_ONLY: Final = Explanation(
    N_("Only your own device can see this"),
    N_("What is held about a device is shown while that device is online here, and to nobody else."),
    N_(
        "Connect, then open “Your data” on the page that says that you are online. Or write to the contact in the terms."
    ),
    403,
)

WRONG_CODE: Final = Explanation(
    N_("This code is not known"),
    N_("Perhaps a letter was mistyped. A code has 12 letters and digits."),
    N_("Compare it with the paper and type it again."),
    403,
)
TOO_MANY_CODES: Final = Explanation(
    N_("Too many wrong codes"),
    N_("This device has tried several codes that are not known, so it has to wait."),
    N_("Try again in a quarter of an hour, or ask the staff of this place."),
    429,
)
NUMBER_NEEDED: Final = Explanation(
    N_("Please type the number, too"),
    N_("Somebody is trying out codes here, so the code alone is not enough at the moment."),
    N_("Type your code again and behind it the number that is printed below it."),
    429,
)
CODE_EXPIRED: Final = Explanation(
    N_("Your code has ended"),
    N_("It was valid, but its time is over."),
    N_("Please ask the staff of this place for a new one."),
    403,
)
CODE_USED_UP: Final = Explanation(
    N_("Your code is used up"),
    N_("All of the time or data that it gave is used."),
    CODE_EXPIRED.advice,
    403,
)
CODE_ELSEWHERE: Final = Explanation(
    N_("This code is for another place"),
    N_("It is valid, but not here."),
    N_("Use it where you got it, or ask the staff of this place for one."),
    403,
)

TERMS_CHANGED: Final = N_("The terms have changed. Please read them again.")
STALE_TERMS: Final = Explanation(
    TERMS_CHANGED,
    N_("The ones that you read do not hold any more."),
    N_("Open the page again and press the button once more."),
    409,
)

# --- after the button: what became of it -------------------------------------------------------------------------------------

NO_REQUEST: Final = Explanation(
    N_("The router did not answer in time"),
    N_("Your device was sent to the router of this place, but the router did not ask us to let you in."),
    N_("Move closer to the access point and try again."),
    200,
)
NO_START: Final = Explanation(
    N_("You may be online, but it is not confirmed"),
    N_("You were let in, but the router has not confirmed it."),
    N_("Try to open a website. If it does not work, try again."),
    200,
)
EXPIRED: Final = Explanation(
    N_("The time to connect ran out"),
    N_("Connecting took longer than a minute, so the permission ended."),
    N_("Try again. Nothing was lost."),
    200,
)
ENDED: Final = Explanation(
    N_("Your connection has ended"),
    N_("You signed out, the time or the data was used up, or your device was away for a while."),
    N_("You can connect again at once."),
    200,
)

NO_ANSWER: Final = Explanation(
    N_("The router could not be reached"),
    N_("Neither your device nor we could tell the router of this place to let you in."),
    N_("Move closer to the access point and try again. If it happens again, tell the staff of this place."),
    200,
)
REFUSED: Final = Explanation(
    N_("You were not let in"),
    N_("The city's server refused this log-in."),
    N_("Try again: the page then says why. If it happens again, tell the staff of this place."),
    200,
)

# --- what the router says ----------------------------------------------------------------------------------------------------

_AGAIN: Final = N_("Try again. If it happens again, tell the staff of this place.")
_LATER: Final = N_("Wait a few minutes and try again.")
_STAFF: Final = N_("This is a fault on our side. Please tell the staff of this place.")

UNKNOWN_ERROR: Final = Explanation(N_("The router did not let you in"), N_("It gave this reason:"), _AGAIN, 200)


def _router(text: str, advice: str, title: str = UNKNOWN_ERROR.title) -> Explanation:
    return Explanation(title, text, advice, 200)


ROUTER_ERRORS: Final[dict[str, Explanation]] = {
    "internal-error": _router(N_("The router has an internal problem."), _STAFF),
    "config-error": _router(N_("The router is not set up correctly."), _STAFF),
    "not-logged-in": _router(N_("The router does not see you as connected."), _AGAIN),
    "ippool-empty": _router(
        N_("All addresses of this Wi-Fi are in use."), _LATER, title=N_("This place is full at the moment")
    ),
    "shutting-down": _router(N_("The router is restarting."), _LATER),
    "user-session-limit": _router(
        N_("This login is already in use on another device."), N_("Open the page again and press the button once more.")
    ),
    "license-session-limit": _router(
        N_("As many people are connected as this router allows."), _LATER, title=N_("This place is full at the moment")
    ),
    "wrong-mac-username": _router(N_("The login was meant for another device."), _AGAIN),
    "chap-missing": _router(N_("The router waited too long and forgot its question."), N_("Try again.")),
    "invalid-username": _router(N_("The login is not valid, or it was already used."), N_("Try again.")),
    "invalid-mac": _router(N_("The login was meant for another device."), _AGAIN),
    "uptime-limit": _router(
        N_("The connection time for now is used up."), _LATER, title=N_("Your allowance is used up")
    ),
    "traffic-limit": _router(
        N_("The amount of data for now is used up."), _LATER, title=N_("Your allowance is used up")
    ),
    "radius-timeout": _router(N_("The router could not reach the city's server."), _LATER),
    "auth-in-progress": _router(
        N_("The router is still working on your last attempt."), N_("Wait a moment and try again.")
    ),
}

_CLOSED: Final = N_("The Wi-Fi is closed now")
_USED_UP: Final = N_("Your allowance is used up")
_CODE_OVER: Final = N_("Your code has ended")
_OTHER_CODE: Final = N_("The staff of this place can help you.")
_REFUSED: Final[dict[Refusal, tuple[str, str]]] = {
    Refusal.BLOCKED: (N_("This device is blocked"), N_("If you think that is a mistake, ask the staff of this place.")),
    Refusal.CLOSED: (_CLOSED, N_("Come back when it is open.")),
    Refusal.TOO_MANY_DEVICES: (N_("Too many devices"), N_("Sign out on a device that you don't need, then try again.")),
    Refusal.DAY_TIME_USED: (_USED_UP, N_("Everybody has the same time a day, so that all can use the Wi-Fi.")),
    Refusal.DAY_DATA_USED: (
        _USED_UP,
        N_("Everybody has the same amount of data a day, so that all can use the Wi-Fi."),
    ),
    Refusal.PASS_OVER: (_CODE_OVER, _OTHER_CODE),
    Refusal.PASS_ELSEWHERE: (N_("This code is for another place"), _OTHER_CODE),
    Refusal.PASS_TIME_USED: (_CODE_OVER, _OTHER_CODE),
    Refusal.PASS_DATA_USED: (_CODE_OVER, _OTHER_CODE),
    Refusal.NOT_READY: (NO_TERMS.title, NO_TERMS.advice),
}
"""Title and advice beside what RADIUS itself said, which names the time."""

# The default errors.txt texts (RouterOS 7); our own Reply-Messages, which `radius-reply` carries, are recognised as what they are.
_ROUTER_TEXTS: Final = [
    ("chap-missing", r"web browser did not send challenge response"),
    ("wrong-mac-username", r"invalid username \(.*\): this mac address is not yours"),
    ("invalid-username", r"invalid username or password|invalid user ?name|invalid password"),
    ("user-session-limit", r"no more sessions are allowed for user"),
    ("license-session-limit", r"session limit reached"),
    ("ippool-empty", r"cannot assign ip address|no more free addresses"),
    ("shutting-down", r"hotspot service is shutting down"),
    ("invalid-mac", r"is not allowed to log in from this mac"),
    ("uptime-limit", r"has reached uptime limit"),
    ("traffic-limit", r"has reached traffic limit"),
    ("radius-timeout", r"radius server is not responding"),
    ("auth-in-progress", r"already authorizing"),
    ("not-logged-in", r"you are not logged in"),
    ("config-error", r"configuration error"),
    ("internal-error", r"internal error"),
]
_PATTERNS: Final = [(key, re.compile(pattern)) for key, pattern in _ROUTER_TEXTS]


QUOTED: Final = 60  # characters; RouterOS's own texts are shorter


def of_router_error(error: str, error_orig: str = "") -> Explanation:
    """Return what the router's `error` means; `error-orig` is the text before an operator's own errors.txt reworded it."""
    for said in (error_orig, error):
        if (ours := recognise(said)) is not None:
            return _of_refusal(ours)
        text = " ".join(said.casefold().split())
        if text in ROUTER_ERRORS:
            return ROUTER_ERRORS[text]
        for key, pattern in _PATTERNS:
            if pattern.search(text):
                return ROUTER_ERRORS[key]
    return UNKNOWN_ERROR


def _of_refusal(ours: Recognised) -> Explanation:
    if ours.refusal in _REFUSED:
        title, advice = _REFUSED[ours.refusal]
        return Explanation(title, ours.text, advice, 200)
    return EXPIRED if ours.refusal is Refusal.EXPIRED else ROUTER_ERRORS["invalid-username"]


def quotable(error: str) -> str:
    """Return an unknown error as it may stand on the city's page: anybody can write it into an address."""
    return re.sub(r"[^\w .,:()'-]", "", error)[:QUOTED].strip()


# --- codes for phones --------------------------------------------------------------------------------------------------------

NO_CODE_WAITS: Final = Explanation(
    NOT_A_PAGE.title,
    N_("A code has to be sent to your phone first."),
    N_("Open the page again and give your mobile number."),
    409,
)
TOO_MANY_SENT: Final = Explanation(
    N_("No more codes today"),
    N_("Many codes have been sent for this device already."),
    N_("Sign in another way, or try again tomorrow. The staff of this place can help you."),
    429,
)
NO_CODES_NOW: Final = Explanation(
    N_("No codes at the moment"),
    N_("Codes can't be sent or looked at here at the moment, because somebody misuses them."),
    N_("Sign in another way, or try again in a quarter of an hour. The staff of this place can help you."),
    429,
)
GRACE_HAD: Final = Explanation(
    N_("The short connection is over for today"),
    N_("A device has it once a day, so that a message can arrive."),
    N_("Go on and enter the code that you were sent, or sign in another way."),
    429,
)
GRACE_RUNS: Final = Explanation(
    N_("End the short connection first"),
    N_("You are online for a few minutes, so that your message can arrive. The code has not been used yet."),
    N_("Press the button to end it. Then open the page of this Wi-Fi again and enter the code."),
    409,
)
