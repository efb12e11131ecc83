"""The measurements: each module has ``measure(setting)``, which gives rows of the table."""
