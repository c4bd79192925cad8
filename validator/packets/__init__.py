"""The algebra of packet sets: header fields, intervals, and interval decision diagrams."""
