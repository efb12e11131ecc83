"""The ground floor: database, blobs, work, clock, settings, keys. No word of printing in here.

Each module is a door of its own: ``from frisket.plumbing import db``.
"""
