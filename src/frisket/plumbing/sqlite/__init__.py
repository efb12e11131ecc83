"""The framework's SQLite backend with a fair turn for writers; named by the database settings."""
