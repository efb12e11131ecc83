"""Side by side with CUPS and with the machine's own limits: `python -m bench`. Not part of what is installed."""
