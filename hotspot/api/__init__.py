"""The JSON API for programs, below ``/api/v1``: the same services as the command line's, and the same views as its ``--json``.

A program shows a personal token (``Authorization: Bearer``) and acts in its owner's name, within their role and the token's scope. What
reaches a router and takes long is queued: the answer says where to look. Errors are problems as RFC 9457 has them. No rules live here, and
no answer holds a secret.
"""
