"""What a guest sees: the city's information, the terms, a form for each way to sign in, and the truth about being online.

An *attempt* is one device's try to get online at a site, a *press* one drawn page's button, a *ticket* the signed name of a credential in a
page's address, a *method* a way to sign in; every method ends in `entering`. A staff's *banner* is a page's *notice*, a piece of the city's
*information*, as `prose` and `markup` lay it out. *Posted* is what of it, and which alerts, hold at a place now.
Fast ways: `content` keeps what places show, `landing` the page most phones ask for; `pressing` collects presses of the one button, and
`express` stores many with one commit. What they can't do goes the ordinary way, by `pages`, which says the same.
Never: JavaScript, a cookie, an address outside, a page that sends a form, a consent or log-in by GET, a redirect to where only the request
says, "online" on a phone's word, one visit's words shown to another, a limit by address. Everything handed over is hostile until parsed.
Themes are in ``portal_templates/``; who is let in, RADIUS decides.
"""
