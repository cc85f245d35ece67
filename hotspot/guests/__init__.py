"""Guests' devices, what they agreed to, and what lets them in.

A device is a pseudonym: a keyed hash of its MAC address. A *guest* is who an allowance counts for: the device itself, or the owner of several.
The *ledger* is the chain of all consents, withdrawals and erasures: appended to, never changed; consent comes before a credential. A
*credential* belongs to one site and one device, lives for a minute and dies at first use: one conditional UPDATE decides who used it. Each
decided log-in is an *admission*, refused or not; the user name a router gave is kept in it, sealed, only while it is needed to end the session.
A *voucher* is a printed code, a *resident's code* a personal one; either makes a *pass*, what its guest may have. Of both only keyed hashes
are kept. A *phone code* is brought by `senders`; the number is kept sealed, and only until the code is used or too old. What a thief would
gain by repeating is bounded in `limits`, for all processes together and never by address. Speed and time are decided elsewhere: by the
site's settings and `radius.policy`.
"""
