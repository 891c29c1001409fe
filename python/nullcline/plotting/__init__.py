"""Figures of a network's dynamics, with matplotlib."""
