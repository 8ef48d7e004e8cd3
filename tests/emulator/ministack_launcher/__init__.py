"""Starts MiniStack, the AWS emulator of the tests, with the parts that it lacks.

MiniStack runs a SAM template with real Lambda binaries and without containers, but it lacks
features that this application needs: EventBridge's retries and dead-letter queues, a function's
retries and failure destination, API destinations in CloudFormation, the routes of a SAM HTTP API.
Each module of this package closes one of these gaps by replacing a few of MiniStack's functions
before its server starts. `hooks` asserts that each of these functions still exists in the shape
that this package was written for.
"""
