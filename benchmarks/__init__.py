"""Breaking it and storming it, with real parts: `python3 benchmarks/faults.py`, and `pytest tests/outages`."""
