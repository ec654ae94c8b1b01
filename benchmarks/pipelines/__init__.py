"""Reference pipelines: from the bytes of a CSV and of the API's answer to the batches of contacts to send.

Each is a program of its own, written the way one would with that library if nothing else mattered: no messages, no
places of mistakes, no second look. All normalise the same ways of writing a phone and find the same contacts.

Run: python -m benchmarks.pipelines.duckdb_streamed SOURCE.csv LIVE.json
"""
