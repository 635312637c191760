"""Other libraries, each in its own environment and fed through its own message handler, without a network."""
