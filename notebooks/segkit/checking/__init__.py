"""How an answer is tried: build what a task describes, ask it, and say in words what differs."""
