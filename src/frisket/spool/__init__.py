"""The spool room."""
