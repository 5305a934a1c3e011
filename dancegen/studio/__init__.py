"""The studio: a page in the browser for people who would rather look than type.

`server` builds it: `guard` stands before everything, `shell` is the page with its tabs, each a module of its own with
`page(studio)`; `jobs` is the one queue in front of the machine's GPU, `worker` the process that does the work through
`dancegen.api`, and `forms` makes form fields from the declared options. Nothing here makes anything itself.
"""
