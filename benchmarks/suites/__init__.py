"""Our own suites: ``pytest benchmarks/suites -m demo --calldistil-report out/``."""
