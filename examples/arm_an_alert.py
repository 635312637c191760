"""Arm an alert, see what it would have told, and wait until it fires; then ask why.

    .venv/bin/python examples/arm_an_alert.py                    ETH-USDT, each time it leaves where it is, until Ctrl-C
    .venv/bin/python examples/arm_an_alert.py BTC-USDT 1         one firing, then end

Opens a desk of its own, whose rules are kept in the data folder. When the live market cannot be reached it is
simulated, and a warning says so. The rule is removed in the end.
"""

import asyncio
import sys
from itertools import count

import bethna


async def main(symbol: str = "ETH-USDT", times: str = "") -> None:
    """Print each firing; without a number of times until Ctrl-C."""
    numbers = iter(range(int(times)) if times else count())
    async with bethna.alerts_focused(symbol) as desk:
        await desk.ready(symbol, features=("prices", "trades"))
        level = desk.prices[symbol].price
        low, high = round(level * 0.99998, 6), round(level * 1.00002, 6)
        sentence = f"{symbol} leaves {low:,} to {high:,}, every time"
        past = await desk.alerts.rehearse(sentence, last="5m")
        print(f"over {past.judged} trades it would have fired {len(past.fired)} times")
        async with desk.alerts.stream() as alerts:
            rule = await desk.alerts.add(sentence)
            print(f"{rule.name} is armed: {rule.sentence}")
            try:
                for _ in numbers:
                    alert = await anext(alerts)
                    print(f"{alert.title} at {alert.value:,} ({alert.state})")
                    why = await desk.alerts.why(rule.name, alert.fired)
                    print(f"why: {why.reason}")
            finally:
                await desk.alerts.remove(rule.name)


if __name__ == "__main__":
    try:
        asyncio.run(main(*sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
