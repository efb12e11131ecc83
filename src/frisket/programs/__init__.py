"""One file per role, and the command line. The only place that builds and composes.

Importing it readies the framework, because a room with tables cannot be imported before.
"""

from frisket.programs import framework

framework.prepare()
