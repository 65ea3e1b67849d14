"""Trained models that students hand in: evaluated in the sandbox on images that only the instructor has.

Nothing that a submission claims is believed: weights are read and sent by this side, labels never leave it, logits come
back and are compared here.
"""
