"""What test_launcher.py deploys, and what it looks with."""
