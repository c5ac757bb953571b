#!/usr/bin/env python3
"""LongRoPE's evolution as its paper and its public code have it, for three generations, written apart from the
program. What it has in common with the program is the stream of random numbers: which draw is for what.

    published_evolution.py FILE          writes what every individual is, in the order of evaluation
    published_evolution.py --check FILE  ends with 1 where FILE says something else

Settings and rules (microsoft/LongRoPE, `dim_mono`, and the paper's section 3.3 and Table 4):
  population 64, 16 mutants and 16 crossovers per generation from the best 32, p = 0.3, grid 0.01, 20 tries
  first population: PI, NTK, YaRN and mutants of these
  mutation: gene by gene with p, the first from [1, right neighbour), the last from [left neighbour, bound], others from
    the left neighbour in steps to the first point that is not below the right one; again while known or not monotone
  crossover: gene by gene with p, with 1/2 the worse parent's; done as soon as the result is new and monotone; a mutant
    of the better parent where that does not come about
  bound: 1.25 s; in a second search, whose factors multiply those of the first, 1 + s2 where that is more
"""
import math
import sys

MASK32, MASK64 = (1 << 32) - 1, (1 << 64) - 1
MUTATION, CROSSOVER = 4, 5  # streams


class Philox:
    """Philox4x32-10 (Salmon et al., SC 2011), key: the seed; counter: block, b with the stream on top, a (64 bits)."""

    def __init__(self, seed, stream, a, b):
        self.key = [seed & MASK32, seed >> 32]
        self.counter = [0, (b ^ (stream << 24)) & MASK32, a & MASK32, a >> 32]
        self.words = []

    def block(self):
        c, k = list(self.counter), list(self.key)
        for _ in range(10):
            first, second = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
            c = [(second >> 32) ^ c[1] ^ k[0], second & MASK32, (first >> 32) ^ c[3] ^ k[1], first & MASK32]
            k = [(k[0] + 0x9E3779B9) & MASK32, (k[1] + 0xBB67AE85) & MASK32]
        self.counter[0] += 1
        return c

    def u64(self):
        if not self.words:
            self.words = self.block()
        low, high = self.words[0], self.words[1]
        self.words = self.words[2:]
        return low | high << 32

    def uniform(self):
        return (self.u64() >> 11) / 2.0**53

    def below(self, bound):
        limit = MASK64 - (MASK64 % bound + 1) % bound
        value = self.u64()
        while value > limit:
            value = self.u64()
        return value % bound


PAIRS, THETA, WINDOW, SEED = 16, 1e4, 256, 42
POPULATION, MUTANTS, CROSSOVERS, TOP, GENERATIONS, TRIES, P, STEP = 64, 16, 16, 32, 3, 20, 0.3, 0.01


def seeds(scale):
    def turning(times):
        return PAIRS * math.log(WINDOW / (times * 2 * math.pi)) / math.log(THETA)

    low, high = max(math.floor(turning(32)), 0), min(math.ceil(turning(1)), 2 * PAIRS - 1)
    yarn = []
    for i in range(PAIRS):
        stretched = min(max((i - low) / (high - low), 0), 1)
        yarn.append(1 / (stretched / scale + 1 - stretched))
    return [[scale] * PAIRS, [scale ** (i / (PAIRS - 1)) for i in range(PAIRS)], yarn]


def arange(start, stop):
    """numpy.arange(start, stop, STEP), but for stops that are a point of the grid up to rounding: not among them."""
    return [start + k * STEP for k in range(math.ceil((stop - start) / STEP - 1e-9))]


def same(x, y):
    return all(abs(a - b) <= 1e-8 + 1e-5 * abs(b) for a, b in zip(x, y))


def monotone(x):
    return all(a <= b for a, b in zip(x, x[1:]))


class Evolution:
    def __init__(self, start, bound, loss):
        self.bound, self.loss = bound, loss
        self.history, self.individuals = [], []
        self.run(start)

    def known(self, x):
        return any(same(x, y) for y in self.history)

    def mutate(self, parent, random):
        x = list(parent)
        while self.known(x) or not monotone(x):
            for i in range(PAIRS):
                if random.uniform() >= P:
                    continue
                if i == 0:
                    grid = arange(1.0, x[1])
                elif i == PAIRS - 1:
                    grid = [v for v in arange(x[i - 1], self.bound + STEP) if v <= self.bound + 1e-9]
                else:
                    grid = arange(x[i - 1], x[i + 1] + STEP)
                if grid:
                    x[i] = grid[random.below(len(grid))]
        return x

    def crossover(self, better, worse, random):
        if same(better, worse):
            return None
        x = list(better)
        for _ in range(TRIES):
            for i in range(PAIRS):
                if random.uniform() >= P:
                    continue
                if random.uniform() < 0.5:
                    x[i] = worse[i]
                if monotone(x) and not self.known(x):
                    return x
        return None

    def add(self, group, x, origin):
        self.history.append(x)
        self.individuals.append((origin, x))
        group.append({"id": len(self.individuals) - 1, "x": x, "loss": self.loss(x)})

    def run(self, start):
        population = []
        for name, x in zip(("pi", "ntk", "yarn(32,1)"), start):
            self.add(population, x, name)
        for index in range(POPULATION - len(start)):
            random = Philox(SEED, MUTATION, 0, index)
            parent = population[random.below(len(start))]
            self.add(population, self.mutate(parent["x"], random), "mutation of %d" % parent["id"])
        for generation in range(1, GENERATIONS + 1):
            parents = sorted(population, key=lambda one: one["loss"])[:TOP]
            children = []
            for m in range(MUTANTS):
                random = Philox(SEED, MUTATION, generation, m)
                parent = parents[random.below(len(parents))]
                self.add(children, self.mutate(parent["x"], random), "mutation of %d" % parent["id"])
            for m in range(CROSSOVERS):
                random = Philox(SEED, CROSSOVER, generation, m)
                first = random.below(TOP)
                second = (first + 1 + random.below(TOP - 1)) % TOP
                a, b = parents[min(first, second)], parents[max(first, second)]
                x = self.crossover(a["x"], b["x"], random)
                if x is None:
                    self.add(children, self.mutate(a["x"], random), "mutation of %d" % a["id"])
                else:
                    self.add(children, x, "crossover of %d and %d" % (a["id"], b["id"]))
            population = parents + children


def bowl(scale, multiplies):
    """Best where log lambda rises with the square of the pair's index up to log(scale)."""

    def loss(x):
        total = 1.0
        for i, value in enumerate(x):
            away = math.log(multiplies * value) - math.log(scale) * (i / (PAIRS - 1)) ** 2
            total += 0.02 * away * away
        return total

    return loss


def text():
    searches = {
        "first": Evolution(seeds(8.0), 1.25 * 8, bowl(8, 1)),  # a window of 256 to 2048
        "second": Evolution(seeds(2.0), 1 + 2, bowl(16, 8)),  # tuned under 8 everywhere at 2048, to 4096
    }
    lines = []
    for name, search in searches.items():
        for origin, x in search.individuals:
            lines.append("%s; %s; %s" % (name, origin, " ".join("%.6f" % value for value in x)))
    return "\n".join(lines) + "\n"


def main(arguments):
    if len(arguments) == 2 and arguments[0] == "--check":
        with open(arguments[1]) as file:
            if file.read() == text():
                return 0
        print("%s is not what this program writes" % arguments[1])
        return 1
    with open(arguments[0], "w") as file:
        file.write(text())
    return 0


sys.exit(main(sys.argv[1:]))
