"""What keeps a running desk together: the bus, its mailboxes, the supervisor and the clocks; no market knowledge."""
