"""The stack that test_launcher.py deploys, and the tools with which it examines that stack."""
