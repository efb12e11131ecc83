"""One file per role, and the command line. The only place that builds and composes."""
