"""How a server of this machine is reached, and by whom: addresses to listen on, and the guard before what it answers.

It knows nothing of what is served.
"""

from dancegen.serving.access import Access
from dancegen.serving.addresses import Listening, listen, share
from dancegen.serving.guard import Guard

__all__ = ["Access", "Guard", "Listening", "listen", "share"]
