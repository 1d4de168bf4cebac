"""docs/reference/policy.md lists every key of a policy file, every fact and every group, as the code has them."""

from pathlib import Path

import pytest

from authsvc.risk.policy_file import LISTED_KEYS, default_policy, parse_policy
from authsvc.risk.rules.facts import FACTS
from authsvc.risk.signals.groups import GROUPS

TEXT = (Path(__file__).parents[2] / "docs" / "reference" / "policy.md").read_text(encoding="utf-8")


def rows(heading: str) -> dict[str, list[str]]:
    section = TEXT.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    cells = [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in section.splitlines()]
    return {row[0].strip("`"): row[1:] for row in cells if row[0].startswith("`")}


def test_every_key_is_listed() -> None:
    assert sorted(rows("Keys")) == sorted(LISTED_KEYS)
    assert all(len(cells) == 2 and all(cells) for cells in rows("Keys").values())


def test_every_fact_is_listed_as_it_is() -> None:
    listed = rows("Facts")
    assert list(listed) == sorted(FACTS)
    for name, (kind, about, values) in listed.items():
        assert (kind, about) == (FACTS[name].kind, FACTS[name].about)
        if name != "reasons":
            assert values == (", ".join(f"`{value}`" for value in FACTS[name].values) or "any")


def test_every_group_is_listed_with_its_bounds_and_reasons() -> None:
    listed = rows("Groups of reasons")
    assert list(listed) == sorted(group.name for group in GROUPS)
    for group in GROUPS:
        codes = ", ".join(f"`{code}`" for code in group.codes)
        assert listed[group.name] == [f"{group.least:g} to {group.most:g}", group.about, codes]


def test_the_rule_that_is_shown_is_one() -> None:
    example = TEXT.partition("    [[rule]]\n")[2].partition("\n\n")[0]
    rule = "[[rule]]\n" + "\n".join(line.strip() for line in example.splitlines())
    shipped = (Path(__file__).parents[2] / "authsvc/risk/policies/default.toml").read_text(encoding="utf-8")
    assert parse_policy(f"{shipped}\n{rule}", source="docs").rules[0].name == "far_and_new"


def test_the_guide_shows_the_thresholds_of_the_policy_that_ships() -> None:
    guide = (Path(__file__).parents[2] / "docs" / "guides" / "policy.md").read_text(encoding="utf-8")
    policy = default_policy()
    assert f"{policy.step_up_at:.4f}" in guide and f"{policy.deny_at:.4f}" in guide


@pytest.mark.parametrize("word", ["labels", "simulator and published figures"])
def test_the_guide_says_where_weights_are_from(word: str) -> None:
    guide = (Path(__file__).parents[2] / "docs" / "guides" / "policy.md").read_text(encoding="utf-8")
    assert word in " ".join(guide.split())
