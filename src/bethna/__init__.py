"""BethNa: a real-time crypto trading desk: pure rooms below, sockets above, one place that wires."""
