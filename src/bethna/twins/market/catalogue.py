"""What is listed when nobody says otherwise: several hundred symbols with their prices, steps and liveliness.

The names are those of real assets, so that a desk's symbols resolve; prices are plausible and nobody's. The list is
the same in every world.
"""

from __future__ import annotations

from functools import cache
from math import floor, log10

from bethna.twins.market.facts import UNIT, Listing
from bethna.twins.market.latent import Traits

# Name and price in USDT, by sector, within a sector from the liveliest to the quietest.
_ASSETS = {
    "major": "BTC 61250 ETH 2710 SOL 148.6 BNB 521 XRP 0.612",
    "layer": "ADA 0.342 AVAX 21.9 TRX 0.1268 TON 6.55 DOT 4.61 NEAR 3.94 POL 0.412 SUI 0.874 APT 5.87 "
    "ATOM 4.72 ICP 7.61 HBAR 0.0531 SEI 0.277 INJ 18.2 TIA 5.31 FTM 0.352 ALGO 0.1241 EGLD 26.9 "
    "KAVA 0.301 ROSE 0.0573 ONE 0.01163 MINA 0.411 CELO 0.462 ZIL 0.01402 KDA 0.462 MOVR 8.71 "
    "GLMR 0.168 FLOW 0.561 XTZ 0.671 IOTA 0.122 NEO 9.61 VET 0.0219 QTUM 2.21 ICX 0.1312 ONT 0.171 "
    "LSK 0.781 WAXP 0.0342 SCRT 0.211 CKB 0.00912 ASTR 0.0611 STRK 0.371 MANTA 0.662 ZK 0.1121 "
    "DYM 1.42 ALT 0.0742 METIS 33.6 SKL 0.0331 CTSI 0.1212 CELR 0.01112 NKN 0.0721 ARDR 0.0681 "
    "STEEM 0.1671 HIVE 0.2011 SYS 0.0982 FIO 0.01901 CFX 0.1281 ACA 0.0492",
    "scale": "LINK 10.31 ARB 0.552 OP 1.441 IMX 1.162 STX 1.563 LRC 0.1322 MATIC 0.413 API3 1.441 BAND 1.071 "
    "GRT 0.1542 RNDR 5.11 AR 21.4 FIL 3.61 STORJ 0.381 SC 0.00441 BTTC 0.00000081 HOT 0.00151 "
    "OGN 0.0822 PYTH 0.282 TRB 60.1 DIA 0.402 PHA 0.1061 ANKR 0.0241 COTI 0.0861 FLUX 0.521 "
    "GLM 0.302 IOTX 0.0372 JASMY 0.0191 POWR 0.1901",
    "defi": "UNI 5.83 AAVE 98.6 MKR 2013 LDO 1.042 CRV 0.271 SNX 1.312 COMP 43.2 RUNE 3.71 DYDX 1.062 "
    "GMX 24.7 CAKE 1.812 SUSHI 0.531 1INCH 0.2591 YFI 4871 BAL 1.921 PENDLE 2.751 ENA 0.301 "
    "JUP 0.841 RAY 1.611 JTO 2.011 ETHFI 1.381 PERP 0.571 LQTY 0.731 FXS 2.161 UMA 1.981 BNT 0.481 "
    "KNC 0.4211 ZRX 0.3011 REQ 0.0981 ALPHA 0.0641 SSV 21.3 FIS 0.3111 BIFI 281.4 AUCTION 13.2 "
    "WOO 0.1551 IDEX 0.0391 JOE 0.3171 QI 0.01041 VELODROME 0.0861 COW 0.2511",
    "meme": "DOGE 0.1021 SHIB 0.00001371 PEPE 0.00000782 WIF 1.612 BONK 0.00001782 FLOKI 0.0001231 "
    "BOME 0.00611 MEME 0.01121 ORDI 29.1 PEOPLE 0.0571 1000SATS 0.0002741 NOT 0.01041 TURBO 0.00391 "
    "NEIRO 0.000411 DOGS 0.000931 LUNC 0.0000801",
    "mind": "FET 0.871 TAO 281.7 WLD 1.561 AGIX 0.441 AI 0.401 NFP 0.1981 ARKM 0.961 IO 1.561 RLC 1.541 "
    "NMR 13.9 PHB 1.361 CTXC 0.1651 OCEAN 0.431 LPT 13.1 RSS3 0.0901 DATA 0.0361",
    "play": "SAND 0.251 MANA 0.271 AXS 4.71 GALA 0.01712 ENJ 0.1481 CHZ 0.0552 ILV 41.2 YGG 0.402 "
    "PIXEL 0.1281 PORTAL 0.291 MAGIC 0.331 SUPER 0.871 ALICE 0.811 TLM 0.00881 SLP 0.00271 "
    "GMT 0.1311 APE 0.581 BIGTIME 0.0921 RONIN 1.611 XAI 0.1811 PYR 2.411 VOXEL 0.1191 GHST 0.861 "
    "HIGH 1.171 DAR 0.1181 BLUR 0.1571 AUDIO 0.1211 RARE 0.1141",
    "old": "LTC 61.3 BCH 331 ETC 19.1 DASH 23.1 ZEC 38.6 XLM 0.1001 EOS 0.491 DCR 11.7 ZEN 8.41 RVN 0.01621 "
    "XEC 0.0000311 DGB 0.00691 BAT 0.1591 LUNA 0.371 WAVES 0.921 KSM 18.3",
    "money": "EUR 1.094 TRY 0.0298 GBP 1.276 BRL 0.1781",
    "stable": "USDT 1 USDC 1.0001 FDUSD 0.9994 TUSD 0.9985 DAI 0.9999",
}

_TRAITS = {
    "major": Traits(1.2, "major", 1.0, 0.00003),
    "layer": Traits(1.5, "layer", 1.5, 0.00007),
    "scale": Traits(1.5, "scale", 1.5, 0.00008),
    "defi": Traits(1.5, "defi", 1.6, 0.00008),
    "meme": Traits(1.8, "meme", 2.5, 0.00011),
    "mind": Traits(1.7, "mind", 2.2, 0.00010),
    "play": Traits(1.5, "play", 1.8, 0.00009),
    "old": Traits(1.2, "old", 1.3, 0.00006),
    "money": Traits(0.0, "money", 0.1, 0.000006, pegged=True),
    "stable": Traits(0.0, "money", 0.0, 0.000001, pegged=True),
}
_OWN_TRAITS = {
    "BTC": Traits(1.0, "major", 0.4, 0.00002),
    "USD": Traits(0.0, "money", 0.0, 0.0, pegged=True),  # what other venues quote in: it stands still
}
_UNKNOWN = Traits(1.4, "layer", 1.0, 0.00008)

# Orders a second, and of the tail how fast it thins out from rank to rank.
_LIVELY = {
    "BTCUSDT": 45.0,
    "ETHUSDT": 32.0,
    "SOLUSDT": 22.0,
    "POLUSDT": 30.0,
    "BTCFDUSD": 14.0,
    "BTCUSDC": 10.0,
    "USDCUSDT": 4.0,
    "FDUSDUSDT": 3.0,
    "EURUSDT": 1.5,
}
_FIRST_RATE = 9.0
_LEAST_RATE = 0.03
# Quote currency: how many of the liveliest bases it has, and its share of the rate against USDT.
_QUOTES = {
    "USDT": (1_000, 1.0),
    "USDC": (45, 0.25),
    "FDUSD": (40, 0.3),
    "BTC": (60, 0.12),
    "TRY": (60, 0.15),
    "EUR": (25, 0.15),
    "ETH": (14, 0.1),
}
_HALTED = frozenset({"MATICUSDT", "MATICBTC", "AGIXUSDT", "WAVESUSDT", "RNDRUSDT", "TUSDUSDT"})
_ABSENT = frozenset({"USDCEUR", "USDCTRY", "FDUSDUSDC"})
LEAST_TICKS = 50  # a price of fewer steps could hardly move
# Symbols whose price step the rule of four digits would make unlike the venue's.
_TICKS = {"POLUSDT": 10_000, "BTCEUR": 1_000_000, "BTCTRY": UNIT, "USDCUSDT": 10_000, "FDUSDUSDT": 10_000}


@cache
def _table() -> dict[str, tuple[str, float]]:
    """Sector and price of each asset."""
    table: dict[str, tuple[str, float]] = {}
    for sector, text in _ASSETS.items():
        words = text.split()
        table.update(
            {name: (sector, float(price)) for name, price in zip(words[::2], words[1::2], strict=True)}
        )
    return table


@cache
def _ranks() -> dict[str, int]:
    """Bases from the liveliest to the quietest: the sectors' firsts, then their seconds, and so on."""
    places = [
        (place, order, name)
        for order, (sector, text) in enumerate(_ASSETS.items())
        if sector not in ("money", "stable")
        for place, name in enumerate(text.split()[::2])
    ]
    ranked = [name for _, _, name in sorted(places)]
    majors = _ASSETS["major"].split()[::2]
    ordered = majors + [name for name in ranked if name not in majors]
    ordered += [name for name in _table() if name not in ordered and name != "USDT"]
    return {name: rank for rank, name in enumerate(ordered)}


def traits_of(asset: str) -> Traits:
    """How an asset moves; one that nobody knows moves like a middling one."""
    if asset in _OWN_TRAITS:
        return _OWN_TRAITS[asset]
    known = _table().get(asset)
    return _TRAITS[known[0]] if known else _UNKNOWN


def tick_for(price: float) -> int:
    """A price step for a price in quote currency: four digits, at most 0.01, at least 1e-8; in units of 1e-8."""
    return max(1, min(UNIT // 100, round(10.0 ** (floor(log10(price)) - 3) * UNIT)))


def lot_for(worth: float) -> int:
    """A quantity step for a base that is worth `worth` USDT: about half a dollar's, at most one; in units of 1e-8."""
    return max(1, min(UNIT, round(10.0 ** round(log10(0.5 / worth)) * UNIT)))


def listing(base: str, quote: str) -> Listing:
    """The catalogue's listing of two assets that it knows."""
    symbol = base + quote
    worth = _table()[base][1]
    price = worth / _table()[quote][1]
    rank = _ranks()[base]
    rate = _LIVELY.get(symbol) or max(_LEAST_RATE, _FIRST_RATE / (1 + rank) ** 1.05 * _QUOTES[quote][1])
    lot = lot_for(worth)
    spend = 60.0 + 340.0 * min(1.0, rate / 10.0)  # USDT in a usual order
    return Listing(
        symbol=symbol,
        base=base,
        quote=quote,
        tick=_TICKS.get(symbol) or tick_for(price),
        lot=lot,
        price=price,
        rate=rate,
        trading=symbol not in _HALTED,
        size=max(4, round(spend / (worth * lot / UNIT))),
        levels=max(24, min(1_500, round(150 * rate**0.6))),
        width=min(0.0015, 0.0004 / rate**0.7) if rate < 40 else 0.00002,
    )


@cache
def catalogue() -> tuple[Listing, ...]:
    """Every symbol, the liveliest first."""
    found = []
    for quote, (count, _) in _QUOTES.items():
        bases = [name for name in _ranks() if name != quote][:count]
        found += [listing(base, quote) for base in bases if base + quote not in _ABSENT]
    found = [each for each in found if each.price * UNIT >= LEAST_TICKS * each.tick]
    return tuple(sorted(found, key=lambda each: (-each.rate, each.symbol)))
