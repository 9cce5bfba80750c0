"""Speed of parts of calldistil against their nearest peers, in one run."""
