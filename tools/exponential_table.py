#!/usr/bin/env python3
"""Prints workload/exponential_table.c: the layers of the ziggurat for exponential samples.

Marsaglia and Tsang, "The Ziggurat Method for Generating Random Variables", J. Stat. Software 5(8),
2000: 256 layers of equal area under exp(-x). Computed with 60 digits, so that the table is the same
on every machine.
"""
from decimal import Decimal, getcontext

getcontext().prec = 60
LAYERS = 256


def edges(last):
    """The layers' right edges from the base up, and the area that the topmost one would need."""
    area = last * (-last).exp() + (-last).exp()
    x = [Decimal(0)] * LAYERS
    x[LAYERS - 1] = last
    for i in range(LAYERS - 2, 0, -1):
        height = area / x[i + 1] + (-x[i + 1]).exp()
        if height >= 1:
            return None, area
        x[i] = -height.ln()
    return x, area


def solve():
    """The rightmost edge for which the top layer closes at height 1, by bisection."""
    low, high = Decimal("7.6"), Decimal("7.8")
    for _ in range(180):
        middle = (low + high) / 2
        x, area = edges(middle)
        if x is None or area / x[1] + (-x[1]).exp() > 1:
            low = middle
        else:
            high = middle
    x, area = edges(high)
    return x, area


def main():
    x, area = solve()
    base = area / (-x[LAYERS - 1]).exp()
    scale = Decimal(2) ** 53
    widths = [base] + x[1:]
    inner = [x[LAYERS - 1] / base, Decimal(0)] + [x[i - 1] / x[i] for i in range(2, LAYERS)]
    print("/* Made by tools/exponential_table.py; see workload/exponential.h. */")
    print('#include "workload/exponential.h"\n')
    print("/* clang-format off */")
    print("const struct td_exponential_layer td_exponential_layers[256] = {")
    for i in range(LAYERS):
        print(f"    {{{float(widths[i] / scale).hex()}, UINT64_C({int(inner[i] * scale)})}},")
    print("};\n")
    print("const double td_exponential_heights[256] = {")
    for i in range(LAYERS):
        print(f"    {float((-x[i]).exp()).hex()},")
    print("};")
    print("/* clang-format on */")


if __name__ == "__main__":
    main()
