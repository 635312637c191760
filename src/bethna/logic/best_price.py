"""One best price of a pair across venues: who takes part, what their prices are worth, and whose is best.

A machine without memory: it is handed what each venue says now. It asks no clock, judges no silence (the feeds do), and
takes no currency for another one.

Rules
  1. A venue takes part with the top of its trusted book, or with its quote where books are off. One whose streams wait,
     are stale or refused, which does not trade, whose book nobody trusts, or which shows no bid or no ask, is out.
     So is one whose price is older than `most_ns`, stale: what it last said of its book or quote, and how late it said
     it, is no price of now. Whether a market rests or a stream hangs is not known before its pace has shown it
     (`watchdog`), and a price across venues does not wait for that.
  2. A venue that is crossed by itself (its bid at or above its ask) is out.
  3. A venue that is far from the others is out: more than FAR from a group of at least two that agree within AGREED,
     unless more venues than these stand with it. Two groups of one size put each other out: nobody knows who is right.
  4. Who is out is named with why, and influences nothing: no price, no quantity, no age, no certificate, no rate.
  5. Currencies are converted only when that is asked for, by one rate and never by two. A rate is the consolidated
     price of the pair of the two currencies, or of its inverse where that one alone has a price. What somebody would
     get for a bid is worth what the rate fetches, what somebody would pay for an ask costs what the rate costs: of two
     sides always the worse one, also where two venues cross the rate. Without a live rate the venue is out.
  6. The best bid is the highest and the best ask the lowest of those that are in. Of several at one price it is that of
     the larger quantity, then that of the venue that comes first.
  7. A bid of one venue above the ask of another is no error; it is said.
  8. The result is as complete as the weakest venue that is in, its rate included, and speaks up to where the oldest one
     speaks.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import fsum, inf

from msgspec import Struct
from msgspec.structs import replace

from bethna.core.clock import NS_PER_S
from bethna.core.consolidated import AppliedRate, BestPrice, OutReason, VenueQuote
from bethna.core.coverage import Coverage, Provenance, derive, unknown
from bethna.core.errors import ConfigError, UnknownInstrument, cut
from bethna.core.instrument import Instrument, parse_name
from bethna.core.market import BookView, InstrumentId, Quote
from bethna.core.status import StreamState, Trust

AGREED = 0.01
FAR = 0.10
MOST_CONVERTED = 8
_NEAR = 3


class VenueMarket(Struct, frozen=True, gc=False):
    """What one venue says of one pair now.

    Attributes:
        state, message: of its streams, as the health says.
        book: its top; of the trust `off` where the desk follows no books. quote: its newest, for that case.
        coverage: of the quote. whole_bids, whole_asks: the book's side has no level that nobody was told of.
        age_ns: since it last said anything of its book or quote, with what that was late; None where not known.
        most_ns: how old it may be, None for any age.
    """

    instrument: Instrument
    state: StreamState
    message: str
    book: BookView
    quote: Quote | None
    coverage: Coverage
    whole_bids: bool = False
    whole_asks: bool = False
    age_ns: int | None = None
    most_ns: int | None = None


def pair_of(text: str) -> tuple[str, str, str | None]:
    """`BTC-USD`, `btc/usd`, `XBTUSD` as (base, quote), with a notice when a renamed coin was resolved.

    Raises:
        UnknownInstrument: it is no pair, or that of one venue.
    """
    name = parse_name(text, "")
    base, _, quote = name.symbol.partition("-")
    contract = "-" in quote or "_" in base or quote[:1].isdigit() or quote in ("PERPETUAL", "DVOL")
    if name.venue or contract:
        raise UnknownInstrument(
            text,
            message=f"expected a pair such as BTC-USD, found {cut(text)!r}",
            hint="a best price is that of all venues: write the pair alone",
        )
    return base, quote, name.alias.notice if name.alias else None


def currencies_of(words: Iterable[str], quote: str) -> tuple[str, ...]:
    """Currencies to convert from, in one order; `quote` itself needs no conversion.

    Raises:
        ConfigError: one is no currency, or they are too many.
    """
    listed = [word.strip().upper() for word in words]
    found = sorted(set(listed) - {quote})
    if listed == [""]:  # nothing was written
        return ()
    wrong = next(
        (word for word in found if not (word.isascii() and word.isalnum() and len(word) <= 20)), None
    )
    if wrong is not None or len(found) > MOST_CONVERTED:
        said = f"{len(found)} of them" if wrong is None else repr(cut(wrong))
        raise ConfigError(
            "convert",
            f"convert: expected at most {MOST_CONVERTED} currencies such as USDT, found {said}",
            hint="write USDT, or USDT,USDC",
        )
    return tuple(found)


def concerned(
    instruments: Iterable[Instrument], base: str, quote: str, convert: Sequence[str] = ()
) -> list[Instrument]:
    """Of the followed instruments those that the price is made of: spot pairs, and those of its rates.

    Raises:
        UnknownInstrument: of the pair itself nothing is followed; names pairs of the same base that are.
    """
    spot = [each for each in instruments if each.contract is None]
    priced = {f"{base}-{each}" for each in (quote, *convert)}
    rates = {pair for each in convert for pair in (f"{each}-{quote}", f"{quote}-{each}")}
    if not any(each.symbol in priced for each in spot):
        near = list(dict.fromkeys(each.symbol for each in spot if each.base == base))[:_NEAR]
        raise UnknownInstrument(
            f"{base}-{quote}",
            tuple(near),
            message=f"of {cut(f'{base}-{quote}')} nothing is followed by this desk",
        )
    return [each for each in spot if each.symbol in priced | rates]


def best_price(
    markets: Sequence[VenueMarket], base: str, quote: str, convert: Sequence[str] = ()
) -> BestPrice:
    """The consolidated best bid and offer of `base` in `quote`, of what the markets say now.

    Args:
        markets: of `concerned`, in the order of following; others are passed over.
        convert: currencies whose pairs take part, converted (rule 5).
    """
    venues = judged(markets, base, quote, convert)
    inside = [each for each in venues if each.out is None]
    bid, ask = best_of(venues)
    return BestPrice(
        base, quote, tuple(convert),
        bid.bid if bid else None, bid.bid_quantity if bid else None,
        fsum(each.bid_quantity or 0.0 for each in inside if each.bid == bid.bid) if bid else None,
        bid.instrument if bid else None,
        ask.ask if ask else None, ask.ask_quantity if ask else None,
        fsum(each.ask_quantity or 0.0 for each in inside if each.ask == ask.ask) if ask else None,
        ask.instrument if ask else None,
        crossing(bid, ask), venues, oldest(each.ts_recv for each in inside), certificate(venues),
    )  # fmt: skip


def judged(
    markets: Sequence[VenueMarket], base: str, quote: str, convert: Sequence[str] = ()
) -> tuple[VenueQuote, ...]:
    """Every venue of the pair, in or out (rules 1 to 5)."""
    rates = {currency: rate_of(markets, currency, quote) for currency in convert}
    found = []
    for market in markets:
        if market.instrument.base != base:
            continue
        own = market.instrument.quote
        if own == quote:
            found.append(_own(market))
        elif own in rates:
            found.append(_converted(_own(market), rates[own], own, quote))
    return _without_far(found)


def rate_of(markets: Sequence[VenueMarket], currency: str, quote: str) -> AppliedRate | None:
    """What one `currency` fetches and costs in `quote`, None where no venue has a live price of it (rule 5)."""
    for base, priced_in in ((currency, quote), (quote, currency)):
        price = best_price(markets, base, priced_in)
        bid, ask, bid_at, ask_at = price.bid, price.ask, price.bid_at, price.ask_at
        if bid is None or ask is None or bid_at is None or ask_at is None:
            continue
        if base == quote:
            bid, ask, bid_at, ask_at = 1 / ask, 1 / bid, ask_at, bid_at
        if bid > ask:
            bid, ask, bid_at, ask_at = ask, bid, ask_at, bid_at
        return AppliedRate(price.symbol, bid, ask, bid_at, ask_at, price.ts_recv, price.coverage)
    return None


def best_of(venues: Sequence[VenueQuote]) -> tuple[VenueQuote | None, VenueQuote | None]:
    """Who has the best bid and who the best ask (rule 6)."""
    inside = [each for each in venues if each.out is None]
    return (
        max(inside, key=lambda each: (each.bid or 0.0, each.bid_quantity or 0.0), default=None),
        min(inside, key=lambda each: (each.ask or inf, -(each.ask_quantity or 0.0)), default=None),
    )


def crossing(bid: VenueQuote | None, ask: VenueQuote | None) -> tuple[InstrumentId, InstrumentId] | None:
    """Rule 7: who pays more than who asks."""
    if bid is None or ask is None or (bid.bid or 0.0) <= (ask.ask or inf):
        return None
    return bid.instrument, ask.instrument


def oldest(times: Iterable[int | None]) -> int | None:
    """The oldest of some instants, None where one is not known."""
    known = list(times)
    return None if None in known else min((each for each in known if each is not None), default=None)


def certificate(venues: Iterable[VenueQuote]) -> Coverage:
    """Rule 8. Where nobody is in, nothing is known."""
    everybody = list(venues)
    inside = [each.coverage for each in everybody if each.out is None]
    if not inside:
        synthetic = any(each.coverage.provenance is Provenance.SYNTHETIC for each in everybody)
        return unknown(provenance=Provenance.SYNTHETIC if synthetic else Provenance.DERIVED)
    return replace(derive(inside), as_of=oldest(each.as_of for each in inside))


def left_out(venue: VenueQuote, out: OutReason, why: str) -> VenueQuote:
    """The same, out."""
    return replace(venue, out=out, why=why)


def _own(market: VenueMarket) -> VenueQuote:
    """What the venue says in its own currency, and whether that can be believed (rules 1 and 2)."""
    book, quote = market.book, market.quote
    name = market.instrument.id
    if book.trust == Trust.OFF:
        said = (
            VenueQuote(name, None, None, None, None, None, None, None, None, market.coverage)
            if quote is None
            else VenueQuote(
                name, quote.bid, quote.bid_quantity, quote.ask, quote.ask_quantity, quote.bid, quote.ask,
                quote.ts_event, quote.ts_recv, market.coverage,
            )
        )  # fmt: skip
    else:
        (bid, bid_quantity), (ask, ask_quantity) = (
            side[0] if side else (None, None) for side in (book.bids, book.asks)
        )
        said = VenueQuote(
            name, bid, bid_quantity, ask, ask_quantity, bid, ask, book.ts_event, book.ts_recv, book.coverage
        )
    found = _wrong(market, said)
    return said if found is None else left_out(said, *found)


def _wrong(market: VenueMarket, said: VenueQuote) -> tuple[OutReason, str] | None:
    """Why it cannot take part."""
    trust, message = market.book.trust, market.message
    if not market.instrument.tradable:
        return "halted", "the venue says that it does not trade now"
    if market.state == "refused":
        return "refused", message or "the venue refuses it"
    if market.state == "stale":
        return "stale", message or "nothing has come for longer than its pace allows"
    if market.state == "waiting" or (trust == Trust.OFF and market.quote is None):
        return "waiting", message or "nothing has been seen yet"
    if trust == Trust.WAITING:
        return "waiting", "its book has not come yet"
    if trust not in (Trust.OFF, Trust.TRUSTED):
        return "untrusted", f"its book is {trust}"
    age, most = market.age_ns, market.most_ns
    if age is not None and most is not None and age > most and market.state != "ended":
        return "stale", f"its price is older than {most / NS_PER_S:g} s"
    bid, ask = said.bid, said.ask
    if bid is None or ask is None or not 0 < bid < inf or not 0 < ask < inf:
        return "empty", "it shows no bid and no ask" if bid is ask is None else "it shows one side alone"
    if bid >= ask:
        return "crossed", f"its bid {bid!r} is not below its own ask {ask!r}"
    return None


def _converted(venue: VenueQuote, rate: AppliedRate | None, own: str, quote: str) -> VenueQuote:
    """Rule 5. Who is out for a reason of its own stays out for that one."""
    if rate is None:
        why = f"neither {own}-{quote} nor {quote}-{own} has a live price here"
        bare = replace(venue, bid=None, ask=None)
        return bare if venue.out is not None else left_out(bare, "no live rate", why)
    return replace(
        venue,
        bid=None if venue.bid is None else venue.bid * rate.bid,
        ask=None if venue.ask is None else venue.ask * rate.ask,
        rate=rate,
        coverage=replace(
            derive((venue.coverage, rate.coverage)), as_of=oldest((venue.coverage.as_of, rate.coverage.as_of))
        ),
    )


def _without_far(venues: Sequence[VenueQuote]) -> tuple[VenueQuote, ...]:
    """Rule 3."""
    middles = [middle for each in venues if (middle := _middle(each)) is not None]
    return tuple(_judged_by(each, middles) for each in venues)


def _judged_by(venue: VenueQuote, middles: Sequence[float]) -> VenueQuote:
    """A venue by where all that are in stand, itself among them."""
    own = _middle(venue)
    if own is None:
        return venue
    away = [other for other in middles if abs(own - other) > FAR * other]
    group = _agreeing(away)
    if len(group) < 2 or len(group) < len(middles) - len(away):
        return venue
    said = f"{group[0]:.10g} to {group[-1]:.10g}, where {len(group)} others agree"
    return left_out(venue, "far", f"its {own:.10g} is more than {FAR:.0%} from {said}")


def _middle(venue: VenueQuote) -> float | None:
    if venue.out is not None or venue.bid is None or venue.ask is None:
        return None
    return (venue.bid + venue.ask) / 2


def _agreeing(prices: Sequence[float]) -> Sequence[float]:
    """The largest group of which no two are more than AGREED apart, ascending."""
    ordered = sorted(prices)
    best: Sequence[float] = ()
    first = 0
    for end in range(len(ordered)):
        while ordered[end] > ordered[first] * (1 + AGREED):
            first += 1
        if end + 1 - first > len(best):
            best = ordered[first : end + 1]
    return best
