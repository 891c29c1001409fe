"""Damaged files for every reader, and odd arguments for every function: nothing else may happen
than an answer or a documented exception.

`python -m testing.fuzz --readers --count 20000 --seed 0` prints the counts as JSON, and `--api`
those of the functions. What a case is depends on the seed and its number alone.
"""
