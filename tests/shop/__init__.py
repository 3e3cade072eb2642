"""A shop that listens, for tests with real processes: its receivers write down what they hear."""
