"""What templates may do beyond the framework's own tags."""
