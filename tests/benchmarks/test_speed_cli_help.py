"""The speed benchmark of ``calldistil --help``, at its smallest. No time is asserted here."""

import json

from benchmarks.speed import cli_help


def test_the_last_line_is_one_object_with_both_sides(capsys):
    assert cli_help.main(["--turns", "1"]) == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert {"name", "value", "unit", "peer", "peer_value", "ratio", "aim", "holds"} == set(result)
    assert result["value"] > 0 and result["peer_value"] > 0
    assert result["holds"] == (result["value"] < result["aim"] == 0.5)
