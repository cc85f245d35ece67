"""The staff's web pages: usage, the city's information, emergency broadcasts, terms, support codes.

They call services and reports and hold no rules of their own. What takes two persons, a draft and its approval, is decided by the service;
the console is where signing in proves who the second one is. Every page works without JavaScript; htmx refreshes parts of it and Chart.js draws
what is also there as a table and an SVG. Pages are in the reader's language, the installation's first one by default. Nothing but the
sign-in page is shown to somebody who has not signed in.
"""
