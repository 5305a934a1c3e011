"""The studio: a page in the browser for people who would rather look than type.

`server` builds it behind the guard of `dancegen.serving`; `shell` is the page with its tabs, each a module of its own
with `page(studio)`, and `forms` makes form fields from the declared options. Nothing here makes anything itself: that
does the queue of `dancegen.jobs`, through `dancegen.api`.
"""
