"""What runs inside the sandbox, and only there. Nothing in the house imports these modules."""
