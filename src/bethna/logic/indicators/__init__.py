"""Indicators of bars: machines that take a bar in O(1) and say how complete what they say is; they draw nothing.

    base         what every machine is: `update`, `peek`, coverage, and the batch form
    windows      sums, deviations and extremes of the last bars, without drift
    moving       SMA, EMA, MACD, Bollinger
    wilder       RSI, ATR, ADX
    stochastic   %K and %D
    volume       OBV, VWAP
    volatility   realised: close to close, Parkinson, Yang-Zhang
    profile      volume by price
    registry     all of them by name, and `macd(12,26,9)` read
    shown        values of the bars that are shown, with enough bars before

Nothing here fetches bars or knows a clock: whoever has a series feeds it, oldest first.
"""
