"""What each verb can be asked for, declared once: the flag, the Python keyword and the recipe come from here.

`declare` says what a declaration is, `verbs` holds them.
"""
