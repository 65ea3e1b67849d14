"""One notebook of a submission: its hidden tests, what is found, and what is said about it."""
