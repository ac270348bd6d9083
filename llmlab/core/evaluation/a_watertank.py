import math


class Tank:
    """Upright cylindrical tank with a round drain hole in the bottom."""

    G = 9.81

    def __init__(self, radius, height, drain_radius, level=0.0, discharge=0.62):
        self.area = math.pi * radius**2
        self.height = height
        self.drain_area = math.pi * drain_radius**2
        self.level = level
        self.discharge = discharge
        self.valve_open = True
        self.spilled = 0.0

    def outflow(self, level=None):
        """Torricelli's law: flow in cubic metres per second."""
        if level is None:
            level = self.level
        if not self.valve_open or level <= 0.0:
            return 0.0
        return self.discharge * self.drain_area * math.sqrt(2 * self.G * level)

    def step(self, inflow, dt):
        # Midpoint rule
        slope = (inflow - self.outflow()) / self.area
        middle = max(0.0, self.level + 0.5 * dt * slope)
        slope = (inflow - self.outflow(middle)) / self.area
        self.level += dt * slope
        if self.level > self.height:
            self.spilled += (self.level - self.height) * self.area
            self.level = self.height
        elif self.level < 0.0:
            self.level = 0.0


class Pump:
    """A pump with hysteresis: on below `low`, off above `high`."""

    def __init__(self, rate, low, high):
        self.rate = rate
        self.low = low
        self.high = high
        self.on = False
        self.starts = 0

    def control(self, level):
        if not self.on and level < self.low:
            self.on = True
            self.starts += 1
        elif self.on and level > self.high:
            self.on = False
        return self.rate if self.on else 0.0


def simulate(tank, pump, seconds, dt=1.0, report_every=300):
    """Run the simulation; yields (time, level, pump state) at intervals."""
    steps = int(seconds / dt)
    every = max(1, int(report_every / dt))
    for n in range(steps + 1):
        if n % every == 0:
            yield n * dt, tank.level, pump.on
        tank.step(pump.control(tank.level), dt)


def bar(level, height, width=40):
    filled = int(round(width * level / height))
    return "#" * filled + "." * (width - filled)


if __name__ == "__main__":
    tank = Tank(radius=1.2, height=3.0, drain_radius=0.02, level=2.5)
    pump = Pump(rate=0.009, low=1.0, high=2.4)
    for t, level, on in simulate(tank, pump, 3600):
        print(
            "%5d s  %s %.2f m %s"
            % (t, bar(level, tank.height), level, "pump" if on else "")
        )
    print("pump starts: %d, spilled: %.1f l" % (pump.starts, tank.spilled * 1000))
