"""The desk's doors: HTTP and WebSocket; it reads the desk and never writes market state."""
