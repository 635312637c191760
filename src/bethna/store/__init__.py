"""What outlives the process: recordings and the data folder; it decides nothing about market data."""
