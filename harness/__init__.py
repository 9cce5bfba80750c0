"""calldistil's harness: measures relation extraction systems and talks to no LLM.

Arrows inside run one way: ``cli -> report, pipeline -> students, metrics, costs, store
-> datasets -> relations``. The harness never imports ``agents``; it finds them in the registry.
"""

__version__ = "0.1.0"
