"""Farm files: what is read, and everything that is refused, with line and reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from afanasy.farmsetup.load import SIZE_MAX, load_data, load_file
from afanasy.farmsetup.tree import FarmFileError
from afanasy.model.farm_setup import FarmSetup, Limit, Pattern, ServiceRule

SAMPLE = Path(__file__).parents[1] / "data" / "farm.xml"


def refused(text: str, file: str = "farm.xml") -> list[str]:
    with pytest.raises(FarmFileError) as caught:
        load_data(text.encode(), file)
    return [problem.text() for problem in caught.value.problems]


def in_pattern(inside: str) -> list[str]:
    """What is wrong with one pattern of which ``inside`` begins on line 3."""
    return refused(f'<farm>\n<pattern name="p">\n{inside}\n</pattern></farm>')


def test_the_sample_of_the_product_text() -> None:
    setup, lines = load_file(SAMPLE)
    first, second = setup.patterns
    assert (first.name, first.mask, first.services) == (
        "Some Host", ".*", (ServiceRule("generic"),),
    )  # fmt: skip
    assert second.properties == "intel nvidiagpu"
    assert [rule.name for rule in second.services] == [
        "generic", "nuke", "hbatch", "prman", "mantra", "hbatch_prman", "hbatch_mantra", "maya",
    ]  # fmt: skip
    assert lines == (2, 7)
    assert not setup.limits


def test_everything_that_a_pattern_may_say() -> None:
    setup, _ = load_data(
        b"""<?xml version="1.0"?>
        <farm match="last">
          <!-- ten licences, on five hosts -->
          <service name="nuke" maxcount="10" maxhosts="5"/>
          <service name="maya" maxhosts="0"/>
          <pattern name="R&amp;D">
            <mask>r(&lt;|\\d)+</mask> <description>a host</description> <os>linux</os>
            <properties>intel</properties> <capacity>0</capacity> <maxtasks>4</maxtasks>
            <power>10</power> <resources>cpu</resources> <data>{"a": 1}</data>
            <wolidlesleeptime>600</wolidlesleeptime>
            <nimby_schedule>
              mon-fri 09:00-19:00 nimby;
              sat,sun 00:00-24:00 free
            </nimby_schedule>
            <clearservices/> <service name="nuke" count="2"/> <service name="generic"/>
          </pattern>
        </farm>""",
        "farm.xml",
    )
    assert setup == FarmSetup(
        patterns=(
            Pattern(
                "R&D", r"r(<|\d)+", "a host", 0, 4, 10, "linux", "intel", "cpu", '{"a": 1}', 600,
                (ServiceRule("nuke", 2), ServiceRule("generic")), (), True,
                "mon-fri 09:00-19:00 nimby; sat,sun 00:00-24:00 free",
            ),
        ),
        limits=(Limit("nuke", 10, 5), Limit("maya", -1, 0)),
        last_match=True,
    )  # fmt: skip


def test_the_same_as_json() -> None:
    setup, lines = load_data(
        b"""{"farm": {
          "limits": [{"service": "nuke", "maxcount": 10, "maxhosts": 5}],
          "patterns": [
            {"name": "any", "mask": ".*", "capacity": 1000, "services": ["generic"]},
            {"name": "r", "mask": "r.*", "maxtasks": 2,
             "services": [{"name": "nuke", "count": 2}], "remservices": ["generic"]},
            {"name": "none", "mask": "x", "remservices": []}
          ]}}""",
        "farm.json",
    )
    assert setup == FarmSetup(
        patterns=(
            Pattern("any", ".*", capacity=1000, services=(ServiceRule("generic"),)),
            Pattern("r", "r.*", max_tasks=2, services=(ServiceRule("nuke", 2),),
                    remove_services=("generic",)),
            Pattern("none", "x", clear_services=True),
        ),
        limits=(Limit("nuke", 10, 5),),
    )  # fmt: skip
    assert lines == (4, 5, 7)


def test_blanks_mean_nothing() -> None:
    setup, _ = load_data(
        b"""<farm><pattern name=" a "><mask> r.* </mask><os>
              linux
              64 </os><data> two
 lines </data></pattern></farm>""",
        "farm.xml",
    )
    assert setup == FarmSetup((Pattern("a", "r.*", os="linux 64", data="two\n lines"),))


@pytest.mark.parametrize("text", ["<farm/>", '{"farm": {"patterns": []}}'])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_its_beginning_tells_what_a_file_is(text: str, encoding: str) -> None:
    with pytest.raises(FarmFileError, match="there are no patterns"):
        load_data(text.encode(encoding), "farm")


def test_an_xml_file_may_name_its_encoding() -> None:
    text = '<?xml version="1.0" encoding="UTF-16"?><farm><pattern name="B\u00fcro"/></farm>'
    assert load_data(text.encode("utf-16"), "farm.xml").setup.patterns[0].name == "B\u00fcro"
    with pytest.raises(FarmFileError, match="unknown encoding"):
        load_data(b'<?xml version="1.0" encoding="klingon"?><farm/>', "farm.xml")


@pytest.mark.parametrize(
    ("inside", "words"),
    [
        ("<capacity>many</capacity>", "capacity must be a whole number, not 'many' (as 1000)"),
        ("<capacity>-1</capacity>", "capacity must be from 0 to 2147483647, not -1"),
        (
            "<nimby_schedule>mon-fri 9-19 nimby</nimby_schedule>",
            "'9' in 'mon-fri 9-19 nimby' is no time from 00:00 to 24:00 (as mon-fri 09:00-19:00",
        ),
        ("<nimby_schedule> </nimby_schedule>", "nimby_schedule is empty"),
        ("<nimbyschedule>none</nimbyschedule>", "(did you mean nimby_schedule?)"),
        ("<maxtasks></maxtasks>", "maxtasks is empty (give it a value, or take it out)"),
        ("<description/>", "description is empty"),
        ("<capasity>1</capasity>", "unknown element <capasity> (did you mean capacity?)"),
        ("<mask>a(</mask>", "the mask 'a(' is no regular expression: missing ) at position 2"),
        ("<mask>(a{99999}){99999}</mask>", "too many or too large repeats"),
        ('<service name="a"/><service name="a"/>', "service 'a' is there twice"),
        ('<service name="3ds max"/>', "'3ds max' is no name of a service (a name has letters"),
        ('<remservice name="a,b"/>', "'a,b' is no name of a service"),
        ('<service name="a" count="-2"/>', "count must be from 0"),
        ('<service name="a" cuont="2"/>', "<service> has no 'cuont' (did you mean count?)"),
        ("<service/>", '<service> needs a name (as name="…")'),
        ('<service name="a"><service name="b"/></service>', "<service> has no elements inside"),
        ("<power>1</power><power>2</power>", "power is there twice"),
        ("words", "text in <pattern> means nothing: 'words'"),
        ('<remservice name="a"/><remservice name="a"/>', "service 'a' is removed twice"),
        ("<os>  \n </os>", "os is empty"),
        ('<service name=" "/>', '<service> needs a name (as name="…")'),
        ('<capacity unit="GB">1</capacity>', "<capacity> has no 'unit' (take it out)"),
    ],
)
def test_what_is_wrong_in_a_pattern(inside: str, words: str) -> None:
    problems = in_pattern(inside)
    assert any(words in text for text in problems), problems
    assert all(text.startswith(("farm.xml:3: pattern 'p'", "farm.xml:2:")) for text in problems)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("<farm></farm>", "farm.xml:1: farm: there are no patterns"),
        ("<frm/>", "farm.xml:1: frm: the root element must be <farm>, not <frm>"),
        ("<farm><pattern><mask>.*</mask></pattern></farm>", "a pattern needs a name"),
        ("<farm>\n<patern name='a'/></farm>", "farm.xml:2: patern: unknown element <patern> "
         "(did you mean pattern?)"),
        ("<farm>\n<pattern name='a'>\n</farm>", "farm.xml:3: no XML: mismatched tag in column 3"),
        ("", "farm.xml: the file is empty"),
        ("<farm match='first'><pattern name='a'/></farm>", "match must be 'merge' or 'last'"),
        ("<farm>\n<service name='a'/><pattern name='a'/></farm>",
         "farm.xml:2: service 'a': limits nothing (give maxcount or maxhosts, 0 or more)"),
        ("<farm><service name='a' maxcount='-2'/><pattern name='a'/></farm>", "from -1 to"),
        ("<farm><service name='a' maxcount='1'/><service name='a' maxhosts='1'/></farm>",
         "service 'a' is limited twice"),
        ('<!DOCTYPE farm [<!ENTITY a "b">]>\n<farm>&a;</farm>',
         "farm.xml:1: a document type (DOCTYPE) is not allowed"),
        ("<farm>&nbsp;</farm>", "undefined entity"),
        ("<farm><pattern name='a'/>\n<pattern name='a'/></farm>",
         "farm.xml:2: pattern 'a': pattern 'a' is there twice (the other one is in line 1"),
        ("<a>" * 20, "nested too deeply"),
        ("plain words", "no XML: syntax error"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_file(text: str, words: str) -> None:
    assert any(words in problem for problem in refused(text)), refused(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"farm": {"patterns": [{"name": "a",\n"nimby_schedule": "mon nimby"}]}}',
         "farm.json:2: farm.patterns[0].nimby_schedule: 'mon nimby' is no entry"),
        ('{"farm": {"patterns": [\n{"name": "a", "nimby_schedule": 9}]}}',
         "nimby_schedule must be a text, not 9"),
        ('{"farm": {"patterns": [\n{"name": "a", "capacity": "much"}]}}',
         "farm.json:2: farm.patterns[0].capacity: capacity must be a whole number, not 'much'"),
        ('{"farm": {"patterns": [{"name": "a", "capacity": 1.5}]}}', "not 1.5"),
        ('{"farm": {"patterns": [{"name": "a", "capacity": true}]}}', "not true"),
        ('{"farm": {"patterns": [{"name": "a", "mask": ""}]}}', "mask is empty"),
        ('{"farm": {"patterns": [{"name": "a", "mask": 5}]}}', "mask must be a text, not 5"),
        ('{"farm": {"patterns": [{"name": 5}]}}', "name must be a text, not 5"),
        ('{"farm": {"limits": [{"service": 3, "maxcount": 1}], "patterns": [{"name": "a"}]}}',
         "farm.limits[0]: service must be a text, not 3"),
        ('{"farm": {"limits": [{"maxcount": 1}], "patterns": [{"name": "a"}]}}',
         'farm.limits[0]: <service> needs a name (as "service": "…")'),
        ('{"farm": {"patterns": [{"name": "a", "services": "nuke"}]}}', "must be a list"),
        ('{"farm": {"patterns": [{"name": "a", "services": [{"nme": "x"}]}]}}',
         "farm.patterns[0].services[0]: <service> has no 'nme' (did you mean name?)"),
        ('{"farm": {"patterns": [{"name": "a", "servces": ["x"]}]}}', "servces: must be a text or"),
        ('{"farm": {"patterns": [{"name": "a", "os": "a", "os": "b"}]}}', "'os' is there twice"),
        ('{"farm": {"patterns": [{"name": "a", "clearservices": 1}]}}', "must be true or false"),
        ('{"farm": {"patterns": ["a"]}}', "farm.patterns[0]: must be an object"),
        ('{"farm": {"paterns": []}}', "<farm> has no 'paterns'"),
        ('{"farm": []}', "farm: must be an object"),
        ('{"pharm": {}}', "the root must have the member 'farm' alone, not 'pharm'"),
        ("[]", "the file: must be an object"),
        ('{"farm":\n{,}}', "farm.json:2: no JSON: expected a name in double quotes in column 2"),
        ('{"farm": {"limits": [{"service": "a", "maxcont": 1}], "patterns": [{"name": "a"}]}}',
         "farm.limits[0]: <service> has no 'maxcont' (did you mean maxcount?)"),
        ('{"farm": {"patterns": [{"name": "a\\u0000"}]}}', "cannot be stored"),
        ("[" * 50, "nested too deeply"),
        ("5", "the file: must be an object"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_json(text: str, words: str) -> None:
    problems = refused(text, "farm.json")
    assert any(words in problem for problem in problems), problems


def test_stray_text_is_told_at_its_own_line() -> None:
    pattern = '<pattern name="p"><mask>.*</mask></pattern>'
    (problem,) = refused(f"<farm>\n{pattern}\n\n  stray\n</farm>")
    assert problem.startswith("farm.xml:4: "), problem
    (problem,) = in_pattern("<mask>.*</mask>\n <!-- all -->\n\n stray &amp; text")
    assert problem.startswith("farm.xml:6: "), problem


def test_all_errors_are_told_at_once_in_the_order_of_their_lines() -> None:
    problems = in_pattern("<capacity>x</capacity>\n<power>y</power>\n<mask>(</mask>")
    assert [text.split(":")[1] for text in problems] == ["3", "4", "5"]


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(FarmFileError, match="No such file"):
        load_file(tmp_path / "farm.xml")
    big = tmp_path / "big.xml"
    with big.open("wb") as file:
        file.truncate(SIZE_MAX + 1)
    with pytest.raises(FarmFileError, match="larger than 16 MB"):
        load_file(big)
    latin = tmp_path / "farm.json"
    latin.write_bytes(b'{"farm":\n "\xff"}')
    with pytest.raises(FarmFileError, match=r"farm\.json:2: no UTF-8 text"):
        load_file(latin)
