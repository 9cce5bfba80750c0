"""Talks to LLMs: backends, prompts, extractors, generators. Imports harness's public packages."""
