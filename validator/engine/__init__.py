"""What a firewall does with packets: one at a time (`interpret`), all at once (`evaluate`), a connection at a time."""
