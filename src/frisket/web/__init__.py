"""Every page and API route. Only programs imports it."""
