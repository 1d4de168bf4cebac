"""Mail texts: which ship, what a shop's own may say, and why one is refused, with its line."""

from pathlib import Path

import pytest

from authsvc.accounts.alerts.service import WHAT_HAPPENED, AlertKind
from authsvc.core.errors import BadInput
from authsvc.core.letters.folder import read_folder, write_folder
from authsvc.core.letters.kinds import EXAMPLES, KINDS
from authsvc.core.letters.letter import MAX_BYTES, MAX_LINES, MAX_SUBJECT, Letter, read_letter
from authsvc.core.letters.shipped import shipped_letter
from authsvc.core.mail import Letterhead
from authsvc.factors.email_code.service import LINKED, CodePurpose

GOOD = """\
Subject: Hello from $name

Your code:

    $code

Or the link:

${link}

It costs $$0 for $minutes min.
"""


def complaint(text: str | bytes, kind: str = "code_sign_up") -> str:
    with pytest.raises(BadInput) as refused:
        read_letter(kind, text if isinstance(text, bytes) else text.encode(), source="a.txt")
    assert refused.value.code == "brand.mail"
    return refused.value.detail


def test_every_kind_ships_and_says_what_it_must() -> None:
    values = {name: value for name, value in EXAMPLES.items() if name != "name"}
    for kind in KINDS.values():
        mail = Letterhead("Tea Shop").write(kind.name, "ada@example.org", **values)
        assert "$" not in mail.subject + mail.text
        assert all(EXAMPLES[name] in mail.text for name in kind.required)
        assert mail.text.endswith("\n\nTea Shop\n")
        assert kind.placeholders <= EXAMPLES.keys()
    shipped = {path.stem for path in Path("authsvc/core/letters/texts").glob("*.txt")}
    assert shipped == KINDS.keys()


def test_every_code_and_every_alert_is_a_kind() -> None:
    assert {f"code_{purpose.value}" for purpose in CodePurpose} == {each for each in KINDS if each.startswith("code_")}
    assert {f"alert_{kind.value}" for kind in AlertKind} == {each for each in KINDS if each.startswith("alert_")}
    for purpose in CodePurpose:
        assert ("link" in KINDS[f"code_{purpose.value}"].required) == (purpose in LINKED)
    for kind in AlertKind:
        assert "not_me_link" in KINDS[f"alert_{kind.value}"].required
        assert shipped_letter(f"alert_{kind.value}").text.split("\n\n")[0] == WHAT_HAPPENED[kind]


def test_a_text_is_filled_in_once() -> None:
    letter = read_letter("code_sign_up", GOOD.encode(), source="a.txt")
    subject, text = letter.fill({"name": "A $code\r\nBcc: x@y.example", "code": "$link", "link": "L", "minutes": "10"})
    assert subject == "Hello from A $code Bcc: x@y.example"
    assert text == "Your code:\n\n    $link\n\nOr the link:\n\nL\n\nIt costs $0 for 10 min."


def test_what_is_written_out_is_read_back(tmp_path: Path) -> None:
    shipped = {kind: shipped_letter(kind) for kind in KINDS}
    write_folder(tmp_path, shipped)
    assert read_folder(tmp_path) == shipped


def test_line_ends_and_a_byte_order_mark_of_another_system_are_taken() -> None:
    there = ("\ufeff" + GOOD.replace("\n", "\r\n")).encode()
    assert read_letter("code_sign_up", there, source="a.txt") == read_letter("code_sign_up", GOOD.encode(), source="")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (GOOD.replace("Subject: ", ""), "a.txt, line 1: the first line is “Subject: …”"),
        (GOOD.replace("Subject: Hello from $name", "Subject:  "), "a.txt, line 1: the first line is “Subject: …”"),
        (GOOD.replace("\n\nYour", "\nBcc: eve@example.org\n\nYour"), "a.txt, line 2: the second line is empty"),
        (GOOD.replace("Hello", "x" * MAX_SUBJECT), f"a.txt, line 1: a subject has at most {MAX_SUBJECT}"),
        (GOOD.replace("$name", "$link"), "a.txt, line 1: $link is not known here; there is $code, $minutes, $name"),
        ("Subject: Hello\n", "a.txt, line 2: the second line is empty"),
        ("Subject: Hello\n\n\n", "a.txt, line 3: the text is missing"),
        (GOOD.replace("    $code", "    12"), "$code is missing: it has to stand in the text, on a line of its own"),
        (
            GOOD.replace("    $code", "It is $code."),
            "$code is missing: it has to stand in the text, on a line of its own",
        ),
        (
            GOOD.replace("${link}", "${link}&to=x"),
            "$link is missing: it has to stand in the text, on a line of its own",
        ),
        (GOOD.replace("$minutes", "$not_me_link"), "a.txt, line 11: $not_me_link is not known here"),
        (GOOD.replace("$minutes", "$Code"), "a.txt, line 11: $Code is not known here"),
        (GOOD.replace("$$0", "$0"), "a.txt, line 11: a $ that begins no name; write $$ for a dollar"),
        (GOOD.replace("$minutes", "${code.__class__}"), "a.txt, line 11: a $ that begins no name"),
        (GOOD.replace("Or the", "Or\x00the"), "a.txt, line 7: the character U+0000 can't be seen"),
        (GOOD.replace("Or the", "Or\rthe"), "a.txt, line 7: the character U+000D can't be seen"),
        (GOOD.replace("Or the", "Or\u202ethe"), "a.txt, line 7: the character U+202E can't be seen"),
        (GOOD.replace("Hello", "Hel\u2028lo"), "a.txt, line 1: the character U+2028 can't be seen"),
        (GOOD + "x\n" * MAX_LINES, f"line {MAX_LINES + 1}: more than {MAX_LINES} lines"),
        (GOOD + "x" * MAX_BYTES, f"a.txt: longer than {MAX_BYTES} bytes"),
        (GOOD.encode().replace(b"Or the", b"Or \xff"), "a.txt, line 7: not UTF-8"),
        (b"", "a.txt, line 1: the first line is “Subject: …”"),
    ],
)
def test_a_text_that_cannot_be_used_is_refused_with_its_line(text: str | bytes, said: str) -> None:
    assert said in complaint(text)


def test_every_complaint_is_told_at_once() -> None:
    said = complaint("Subject: $nobody\nTo: eve@example.org\n\n{{ code }} {0} %s\n").splitlines()
    assert [line.split(":")[0] for line in said] == ["a.txt, line 1", "a.txt, line 2", "a.txt, line 4", "a.txt, line 4"]


def test_what_looks_like_another_template_stays_as_it_is() -> None:
    text = GOOD + "{{ 7 * 7 }} {code} %(code)s <%= code %> ${name}"
    _, filled = read_letter("code_sign_up", text.encode(), source="a.txt").fill(EXAMPLES)
    assert filled.endswith("{{ 7 * 7 }} {code} %(code)s <%= code %> Low Tide Tea")


def test_a_folder_takes_no_other_file_and_no_link(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("Subject: x\n\ny\n")
    folder = tmp_path / "mails"
    write_folder(folder, {"account_deleted": Letter("Gone", "Goodbye.")})
    (folder / ".DS_Store").write_text("an editor's own")
    assert read_folder(folder).keys() == {"account_deleted"}
    (folder / "acount_deleted.txt").write_text("Subject: x\n\ny\n")
    (folder / "no_code_unlock.txt").symlink_to(secret)
    (folder / "invitation.txt").write_text("Subject: x\n\ny\n")
    with pytest.raises(BadInput) as refused:
        read_folder(folder)
    assert [line.split(":")[0].split(",")[0] for line in refused.value.detail.splitlines()] == [
        "acount_deleted.txt",
        "invitation.txt",
        "no_code_unlock.txt",
    ]
    with pytest.raises(BadInput, match="No such file"):
        read_folder(tmp_path / "nowhere")
