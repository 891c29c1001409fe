"""Curves of states: the slow manifold through a point, and a point as the input moves."""
