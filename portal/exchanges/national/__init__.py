"""The records of other sources: data.inclusion's JSON lines, read, checked and kept as they were received."""
