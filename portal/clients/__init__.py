"""Other people's services. Each answers with plain shapes, or raises `Unavailable`; nothing here knows a room."""
