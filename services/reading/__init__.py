"""Reading the data behind a definition: listings, fingerprints, schemas, previews and quick drift.

`reader.Reader` is the only way in. It runs in the process that answers Slack and stays light; whatever opens a file
runs in worker processes with limits on time and memory (`work` lists what they can do).
"""
