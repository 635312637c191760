"""Candles on disk: closed bars in Parquet segments, what is new or revised in SQL; it fetches and joins nothing.

parts       which file a bar belongs into: a day, a month, a year
segment     a Parquet file: bars to Arrow and back, written whole or not at all
tables      what the database holds: the list of segments, the tail, the journal of revisions
migrations  how its tables came to be what they are
database    opens it, and sets aside one that is damaged
shelf       the store itself: put, read, fold into segments, let go; one thread, one writer
"""
