"""The staff's web pages. They call services and reports and hold no rules of their own.

Every page works without JavaScript; htmx refreshes parts of it and Chart.js draws what is also there as a table and an SVG. Pages
are Indonesian first, English second. Nothing but the sign-in page is shown to somebody who has not signed in.
"""
