"""The only sockets: WebSocket and HTTP clients that hand over bytes and translate errors; they know no venue."""
