"""What the feed path costs beside its peers, measured in one run on the same frames.

It measures CPU time a message from the text off the wire to the user's callback. It does not measure
sockets, TLS or latency, and no contestant touches a network while it runs.

    make bench                                  # or: .venv/bin/python -m benchmarks
    python -m benchmarks --only trades          # one contest (may be repeated)
    python -m benchmarks --rounds 9 --json      # one JSON object on stdout
    python -m benchmarks --skip ccxt.pro        # without one contestant (may be repeated)
    python -m benchmarks --profile              # where our own contestant's time goes

Contests
    trades   only trade frames
    depth    only depth@100ms frames, the book kept from a snapshot; the callback gets the book
    mix      one trade, one depth frame, and so on
    top      as depth, and the callback reads the best bid and ask after every update (1,500 frames)
These are Binance's. Of the others each is trades and books of all its symbols as they came:
    coinbase   Coinbase Exchange, recorded: ours and ccxt.pro (cryptofeed has Advanced Trade alone)
    kraken_v1  Kraken's first wire, recorded: ours and cryptofeed (ccxt.pro has the second alone)
    kraken     Kraken's second wire, which the desk speaks, made by the twin: ours and ccxt.pro
    deribit    two perpetuals, made by the twin: ours, cryptofeed and ccxt.pro
    venues     all four venues at once, made by the twins: ours with one bus and one `Feeds`, ccxt.pro in one loop
Beside the feed path:
    indicators RSI, MACD and Bollinger of 100,000 bars as they close: ours with its coverage, and talipp
    aggregation  ten million trades into bars, in bulk: ours and polars
    store      a million candles from the disk into a frame: ours and plain rows of SQLite
The last two take wall time, see `benchmarks/bulk.py`.
`uncovered` and `probe` are written for Binance alone. What is made by a twin is told by the same twin, seed and time in
every run and says so; its market is a model's, its books shallower than real ones.

Binance's frames come from the recording `captures/tapes/binance_btcusdt_20240808.jsonl.zst` under `$BETHNA_SHARED`,
else under `../shared` beside the project. Without it they are made up by `benchmarks/synthetic.py`, and the
output says so first: figures from made-up frames are not comparable with those from the recording.

Contestants, each a process of its own that answers JSON lines (`benchmarks/contestant.py`)
    ours            `benchmarks/ours.py`: the path as the desk builds it
    uncovered       `benchmarks/uncovered.py`: ours without the machines that make figures certain: what they cost
    probe           `benchmarks/probe.py`: decode, keep a book, call back; checks nothing. The limit.
    cryptofeed 2    the newest for Python 3.11 and 3.12
    cryptofeed 3    needs a python3.13 or newer on the PATH
    ccxt.pro        through its own socket client's message handler, watched as its users watch it
    talipp          incremental indicators in Python; it plays `indicators` alone
The peers live in environments of their own under `.bench/`, made on first use from the pins in
`benchmarks/peers/*.txt`. One that cannot be had is named in the output with the reason.

What keeps it fair
    - CPU time (`time.process_time`), contestants taking turns within every round, medians over rounds. A round
      repeats a contest until it has cost a quarter of a second. Compare ratios of one run, not figures of two.
    - Nobody pays for what is not the feed path: frames are in memory beforehand in the form the contestant
      meets in life (bytes for us, decoded text for the peers), snapshots and outdated frames are
      fed before the clock starts, what is loaded is frozen out of the garbage collector.
    - Where a choice had to be made it was made for the peer: cryptofeed listens to `aggTrade` only, so it gets
      each trade under that name and no longer than it was; ccxt.pro gets frames without the `stream` wrapper
      it never asks for.
    - Everybody is checked against an independent replay in exact decimals (`benchmarks/oracle.py`, and
      `benchmarks/venue_oracle.py`, which computes every checksum of Kraken's and follows every chain): trades
      delivered, last price, book updates delivered, final best bid and ask with sizes, of every symbol, and in `top`
      every best bid and ask on the way. Indicators agree to 1e-9 with
      `benchmarks/indicators.py`. A wrong answer fails the run (exit code 1), however fast it came.
    - Checksums of Kraken's are checked by us, and by cryptofeed, which is told to, where an update has one part;
      ccxt.pro, as it comes, checks none. Chains of
      Deribit's are checked by us and by cryptofeed, not by ccxt.pro.

Aims: at least 8 times cryptofeed on trades and 6 times on the mix (the fastest cryptofeed present counts), 10
times talipp on indicators, 3 times polars on aggregation, 5 times plain rows (and 0.15 s) on the store, at most 1.5
times the probe, and coverage at most 5 % of what the same path costs without
it.
"""
