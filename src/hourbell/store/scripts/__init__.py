"""The verbs of the SQL stores as transaction scripts: what is asked in which order, without any I/O.

A script is a generator that yields `Call`s and is sent their rows. The drivers (`postgres`, `sqlite`) run it inside one
transaction, each in its own way; so both databases share one order of locks and one set of decisions.
"""
