"""What each verb can be asked for, declared once: the flag, the Python keyword and the recipe come from here.

`declare` says what a declaration is, `data` and `dance` hold them, `verbs` makes commands and functions of them.
"""
