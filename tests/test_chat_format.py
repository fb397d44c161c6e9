"""Rules of training files: every fault is found, placed, explained and mended."""

import json
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import helpers
from helpers.chat_format import (
    Example,
    Problem,
    check_files,
    job_error,
    read_examples,
)
from helpers.chat_schema import ROLES
from helpers.messages import PROBLEMS

SYSTEM = "You are a helpful recipe assistant."


def row(question="What is in it?", answer="Salt.", system=SYSTEM, **more):
    """One chat example; further arguments go into the assistant's message."""
    return {
        "messages": [
            {"role": "system", "content": system},
            {"role": "user", "content": question},
            {"role": "assistant", "content": answer, **more},
        ]
    }


def messages(*pairs, **more):
    return {"messages": [{"role": r, "content": c} for r, c in pairs], **more}


def call(arguments="{}", name="weather", id="call_1"):
    return {
        "id": id,
        "type": "function",
        "function": {"name": name, "arguments": arguments},
    }


TOOLS = [{"type": "function", "function": {"name": "weather", "parameters": {}}}]
GOOD = [row(f"Question {i}?", f"Answer {i}.") for i in range(12)]


@pytest.fixture
def write(tmp_path):
    """Write rows (dicts, texts or bytes) to a file and return its path."""

    def write(rows, name="train.jsonl"):
        path = tmp_path / name
        if isinstance(rows, bytes):
            path.write_bytes(rows)
            return path
        lines = [
            r
            if isinstance(r, bytes)
            else (r if isinstance(r, str) else json.dumps(r)).encode()
            for r in rows
        ]
        path.write_bytes(b"\n".join(lines) + b"\n")
        return path

    return write


def codes(report):
    return sorted({p.code for p in report.problems})


# --- good files -------------------------------------------------------------------


def test_a_good_file_has_no_problems(write):
    report = check_files(write(GOOD))
    assert report.ok
    assert report.problems == []
    assert report.n_examples == 12
    assert "No problems found." in str(report)


def test_examples_come_with_their_line_and_number(write):
    path = write([GOOD[0], "", GOOD[1]])
    examples = [x for x in read_examples(path) if isinstance(x, Example)]
    assert [(e.line, e.number) for e in examples] == [(1, 1), (3, 2)]
    assert examples[1].data == GOOD[1]


GOOD_ROWS = {
    "no system message": messages(("user", "a"), ("assistant", "b")),
    "developer message": messages(
        ("developer", "s"), ("user", "a"), ("assistant", "b")
    ),
    "several turns": messages(
        ("user", "a"), ("assistant", "b"), ("user", "c"), ("assistant", "d")
    ),
    "weights": {
        "messages": [
            {"role": "user", "content": "a"},
            {"role": "assistant", "content": "b", "weight": 0},
            {"role": "user", "content": "c"},
            {"role": "assistant", "content": "d", "weight": 1},
        ]
    },
    "text parts": messages(
        ("user", [{"type": "text", "text": "a"}]), ("assistant", "b")
    ),
    "a call of a tool with content null": {
        "messages": [
            {"role": "user", "content": "Weather?"},
            {"role": "assistant", "content": None, "tool_calls": [call()]},
        ],
        "tools": TOOLS,
    },
    "a tool's result and parallel calls": {
        "messages": [
            {"role": "user", "content": "Weather?"},
            {"role": "assistant", "tool_calls": [call(), call(id="call_2")]},
            {"role": "tool", "tool_call_id": "call_1", "content": "3"},
            {"role": "tool", "tool_call_id": "call_2", "content": "4"},
            {"role": "assistant", "content": "Three and four."},
        ],
        "tools": TOOLS,
        "parallel_tool_calls": True,
    },
    "a function of the old kind": {
        "messages": [
            {"role": "user", "content": "Weather?"},
            {
                "role": "assistant",
                "content": None,
                "function_call": {"name": "weather", "arguments": "{}"},
            },
            {"role": "function", "name": "weather", "content": "3"},
            {"role": "assistant", "content": "Three."},
        ],
        "functions": [{"name": "weather", "parameters": {}}],
    },
    "a message as the client dumps it": row(
        refusal=None, tool_calls=None, function_call=None, audio=None
    ),
    "Korean, emoji and line separators": messages(
        ("user", "김치 \u2028 🌶️ \x00"), ("assistant", "네")
    ),
}


@pytest.mark.parametrize("name", GOOD_ROWS)
def test_a_valid_row_is_accepted_without_a_word(name, write):
    found = list(read_examples(write([GOOD_ROWS[name]])))
    assert [type(x) for x in found] == [Example]


# --- faults of one line -----------------------------------------------------------

U, A = {"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}
# name: (row, code, field, a word of the reason or fix, words of OpenAI's message)
ERRORS = {
    "a comma is missing": (
        '{"messages": [{"role": "user" "content": 1}]}',
        "invalid_json", "", "column 31",
        "Example 13 cannot be parsed. Error: line contains invalid json: Expecting "
        "',' delimiter: line 1 column 31 (char 30) (line 13)",
    ),
    "a comma is too many": (
        '{"messages":[],}', "invalid_json", "", "comma", "line contains invalid json",
    ),
    "a Python dict": (str(row()), "invalid_json", "", "double quotes", "invalid json"),
    "two objects in a line": (
        json.dumps(row()) * 2, "invalid_json", "", "own line", "Extra data",
    ),
    "a line cut off": (
        json.dumps(row())[:60], "invalid_json", "", "cut", "(line 13)",
    ),
    "a raw tab": (
        '{"messages":[{"role":"user","content":"a\tb"}]}',
        "invalid_json", "", "\\t", "Invalid control character",
    ),
    "half a character": (
        r'{"messages":[{"role":"user","content":"\ud83d"},{"role":"assistant",'
        r'"content":"b"}]}',
        "invalid_json", "", "Half of a character", "invalid json",
    ),
    "nested too deeply": (
        '{"messages":' + "[" * 100_000, "invalid_json", "", "nested", "invalid json",
    ),
    "a mark in the middle": (
        "\ufeff" + json.dumps(row()), "invalid_json", "",
        "byte order mark", "(line 13)",
    ),
    "Korean Windows": (
        json.dumps(row("안녕하세요"), ensure_ascii=False).encode("cp949"),
        "invalid_utf8", "", "cp949", "can't decode byte",
    ),
    "Western Windows": (
        json.dumps(row("caf\u00e9"), ensure_ascii=False).encode("cp1252"),
        "invalid_utf8", "", "cp1252", "can't decode byte",
    ),
    "a list": ("[1]", "not_an_object", "", "a list", "Line 13 is not a dictionary"),
    "a number": ("3", "not_an_object", "", "number 3", "is not a dictionary"),
    "null": ("null", "not_an_object", "", "null", "is not a dictionary"),
    "no messages": (
        {}, "missing_key", "messages", "'messages'",
        "Example 13 is missing key 'messages'.",
    ),
    "a misspelt key": (
        {"mesages": [U, A], "messages": [U, A]},
        "unknown_key", "mesages", "did you mean 'messages'",
        'Example 13 contains an extra "mesages".',
    ),
    "a weight beside the messages": (
        {**row(), "weight": 1}, "unknown_key", "weight", "assistant",
        'Example 13 contains an extra "weight".',
    ),
    "messages null": (
        {"messages": None}, "wrong_type", "messages", "a list", 'key "messages"',
    ),
    "messages empty": (
        {"messages": []}, "empty_list", "messages", "empty", "at least 1 item",
    ),
    "a message that is text": (
        {"messages": ["hello"]}, "wrong_type", "messages[0]", "an object", "message 1",
    ),
    "no role": (
        {"messages": [{"content": "a"}, A]},
        "role_missing", "messages[0]", "who speaks",
        "Example 13, message 1 Discriminator 'role' is missing in value",
    ),
    "an unknown role": (
        {"messages": [{"role": "human", "content": "a"}, A]},
        "role_unknown", "messages[0]", "did you mean 'user'", "value 'human'",
    ),
    "no content": (
        {"messages": [{"role": "user"}, A]},
        "missing_key", "messages[0].content", "'content'",
        'Example 13, message 1, key "content": Field required',
    ),
    "content is a number": (
        {"messages": [{"role": "user", "content": 3}, A]},
        "wrong_type", "messages[0].content", "number 3",
        'Example 13, message 1, key "content": Input should be a valid string',
    ),
    "a part without text": (
        {"messages": [{"role": "user", "content": [{"type": "text"}]}, A]},
        "missing_key", "messages[0].content[0].text", "'text'", "Field required",
    ),
    "a part of an unknown kind": (
        {"messages": [{"role": "user", "content": [{"type": "sound"}]}, A]},
        "wrong_value", "messages[0].content[0].type", "sound", "message 1",
    ),
    "a message with an unknown key": (
        {"messages": [{**U, "mood": "good"}, A]},
        "unknown_key", "messages[0].mood", "mood", 'message 1 contains an extra "mood"',
    ),
    "the user has a weight": (
        {"messages": [{**U, "weight": 1}, A]},
        "unknown_key", "messages[0].weight", "assistant", 'an extra "weight"',
    ),
    "a weight of one half": (
        row(weight=0.5), "wrong_value", "messages[2].weight", "0 or 1",
        'Example 13, message 3, key "weight": Input should be 0 or 1',
    ),
    "all answers have weight 0": (
        row(weight=0), "nothing_to_learn", "messages", "weight 0", "non-zero weight",
    ),
    "the last message is the user's": (
        {"messages": [U, A, U]}, "last_not_assistant", "messages[2]", "'user'",
        "Example 13: the last message must be from the assistant",
    ),
    "an empty answer": (
        row(answer=""), "empty_answer", "messages[2].content", "empty", "message 3",
    ),
    "an answer of spaces": (
        row(answer=" \n"), "empty_answer", "messages[2].content", "empty", "message 3",
    ),
    "an answer that is null": (
        row(answer=None), "missing_answer", "messages[2].content", "neither",
        'Example 13, message 3, key "content": Field required',
    ),
    "no answer at all": (
        {"messages": [U, {"role": "assistant"}]},
        "missing_answer", "messages[1].content", "neither", "message 2",
    ),
    "arguments that are no text": (
        {"messages": [U, {"role": "assistant", "tool_calls": [call({})]}]},
        "wrong_type", "messages[1].tool_calls[0].function.arguments", "an object",
        "Input should be a valid string",
    ),
    "arguments that are no JSON": (
        {"messages": [U, {"role": "assistant", "tool_calls": [call("{a")]}]},
        "bad_arguments", "messages[1].tool_calls[0].function.arguments", "weather",
        "valid JSON",
    ),
    "an empty list of calls": (
        row(tool_calls=[]), "empty_list", "messages[2].tool_calls", "empty",
        "at least 1 item",
    ),
    "a tool's result without its id": (
        {"messages": [U, {"role": "tool", "content": "3"}, A]},
        "missing_key", "messages[1].tool_call_id", "'tool_call_id'", "Field required",
    ),
    "a tool's result without a call": (
        {"messages": [U, {"role": "tool", "tool_call_id": "c9", "content": "3"}, A]},
        "tool_without_call", "messages[1].tool_call_id", "c9", "tool_calls",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ERRORS)
def test_an_error_names_line_field_reason_and_fix(name, write):
    bad, code, field, words, _ = ERRORS[name]
    report = check_files(write([*GOOD, bad]))
    assert not report.ok
    problem = next(p for p in report.errors if p.code == code)
    assert (problem.line, problem.field) == (13, field)
    assert words in f"{problem.reason} {problem.fix}"
    assert problem.reason
    assert problem.fix
    assert str(problem).startswith("error: train.jsonl, line 13")
    assert "\n" not in str(problem)


@pytest.mark.parametrize("name", ERRORS)
def test_a_job_fails_with_openais_words_for_each_error(name, write):
    bad, _, _, _, words = ERRORS[name]
    error = job_error(write([*GOOD, bad]))
    assert error["param"] == "training_file"
    assert words in error["message"]
    code = error["code"]
    frames = {
        "invalid_file_format": "The job failed due to a file format error in the "
        "training file. Invalid file format. ",
        "invalid_training_file": "The job failed due to an invalid training file. "
        "Invalid file format. ",
    }
    assert error["message"].startswith(frames[code])
    assert "13" in error["message"]


WARNINGS = {
    "a system message in the middle": (
        messages(("user", "a"), ("system", "s"), ("assistant", "b")),
        "system_not_first", "messages[1]",
    ),
    "two questions in a row": (
        messages(("user", "a"), ("user", "b"), ("assistant", "c")),
        "same_role_twice", "messages[1]",
    ),
    "an answer before the question": (
        messages(("assistant", "hi"), ("user", "a"), ("assistant", "b")),
        "answer_first", "messages[0]",
    ),
    "nobody asks": (messages(("assistant", "hi")), "no_user", "messages"),
    "an empty question": (
        messages(("user", " "), ("assistant", "b")), "empty_content",
        "messages[0].content",
    ),
    "an empty answer that is not learned": (
        {"messages": [U, {**A, "content": "", "weight": 0}, U, A]},
        "empty_answer", "messages[1].content",
    ),
    "a call without its result": (
        {
            "messages": [U, {"role": "assistant", "tool_calls": [call()]}, U, A],
            "tools": TOOLS,
        },
        "call_without_result", "messages[1].tool_calls[0]",
    ),
    "a tool that is not described": (
        {"messages": [U, {"role": "assistant", "tool_calls": [call()]}]},
        "unknown_tool", "messages[1].tool_calls[0].function.name",
    ),
    "a control token": (
        messages(("user", "a"), ("assistant", "b<|endoftext|>")),
        "reserved_token", "messages[1].content",
    ),
    "a picture": (
        messages(
            ("user", [{"type": "image_url", "image_url": {"url": "data:,"}}]),
            ("assistant", "b"),
        ),
        "image_content", "messages[0].content",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WARNINGS)
def test_a_warning_names_its_place_and_stops_no_job(name, write):
    bad, code, field = WARNINGS[name]
    path = write([bad] * 12)
    found = list(read_examples(path))
    problem = next(x for x in found if isinstance(x, Problem))
    assert (problem.severity, problem.code) == ("warning", code)
    assert (problem.line, problem.field) == (1, field)
    assert any(isinstance(x, Example) and x.line == 1 for x in found)
    assert job_error(path) is None


def test_one_line_can_have_several_faults(write):
    bad = {"messages": [{"role": "user"}, {**A, "weight": 3}], "id": 7}
    report = check_files(write([*GOOD, bad]))
    assert codes(report) == ["missing_key", "unknown_key", "wrong_value"]


# --- faults of the whole file -----------------------------------------------------


def text_of(rows, ending="\n"):
    return ending.join(json.dumps(r) for r in rows) + ending


WHOLE_FILE = {
    "utf16": text_of(GOOD).encode("utf-16"),
    "compressed": b"\x1f\x8b\x08\x00 not really",
    "json_list": json.dumps(GOOD).encode(),
    "spread_over_lines": json.dumps(GOOD[0], indent=2).encode(),
}


@pytest.mark.parametrize("code", WHOLE_FILE)
def test_a_file_that_is_no_json_lines_gets_one_clear_error(code, write):
    path = write(WHOLE_FILE[code])
    report = check_files(path)
    assert [p.code for p in report.problems] == [code]
    assert job_error(path)["code"] == "invalid_file_format"


def test_utf16_without_a_mark_is_recognised(write):
    report = check_files(write(text_of(GOOD).encode("utf-16-le")))
    assert codes(report) == ["utf16"]


def test_a_list_of_texts_as_content_is_told_once(write):
    faulty = row(answer=["salt", "pepper"])
    (problem,) = check_files(write([*GOOD, faulty])).errors
    assert (problem.code, problem.field) == ("wrong_type", "messages[2].content")
    assert "Found a list, expected text." in problem.reason
    mixed = row(answer=[{"type": "text", "text": "a"}, 3, "b"])
    (problem,) = check_files(write([*GOOD, mixed])).errors
    assert problem.field == "messages[2].content"


def test_a_byte_order_mark_is_told_and_accepted(write):
    path = write(b"\xef\xbb\xbf" + text_of(GOOD).encode())
    report = check_files(path)
    assert report.ok
    assert codes(report) == ["byte_order_mark"]
    assert report.n_examples == 12
    assert job_error(path) is None


def test_windows_line_endings_are_told_once(write):
    report = check_files(write(text_of(GOOD, "\r\n").encode()))
    assert [p.code for p in report.problems] == ["windows_line_endings"]
    assert report.n_examples == 12


def test_blank_lines_are_told_and_not_counted(write):
    report = check_files(write([*GOOD[:4], "", "  ", *GOOD[4:]]))
    assert [(p.code, p.line) for p in report.problems] == [
        ("blank_line", 5),
        ("blank_line", 6),
    ]
    assert report.n_examples == 12


def test_a_last_line_without_a_line_feed_is_read(write):
    assert check_files(write(text_of(GOOD).rstrip().encode())).n_examples == 12


@pytest.mark.parametrize("count", [0, 1, 9])
def test_fewer_than_ten_examples_are_too_few(count, write):
    path = write(GOOD[:count] if count else b"")
    assert codes(check_files(path)) == ["too_few_examples" if count else "empty_file"]
    assert job_error(path) == {
        "code": "invalid_n_examples",
        "message": f"Training file has {count} example(s), but must have at least 10 "
        "examples",
        "param": "training_file",
    }


def test_ten_examples_are_enough_and_one_is_to_validate(write):
    assert job_error(write(GOOD[:10])) is None
    validation = write(GOOD[:1], "validation.jsonl")
    assert job_error(validation, "validation_file") is None
    assert check_files(write(GOOD[1:]), validation).ok


def test_the_validation_file_is_named_in_its_own_error(write):
    error = job_error(write(["{}"]), "validation_file")
    assert error["param"] == "validation_file"
    assert "in the validation file" in error["message"]
    error = job_error(write([messages(("user", "a"))]), "validation_file")
    assert error["code"] == "invalid_validation_file"


def test_a_file_that_is_not_there_raises(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere\.jsonl"):
        check_files(tmp_path / "nowhere.jsonl")


# --- whatever comes ---------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            ["messages", "role", "content", "weight", "tool_calls", "id", "type",
             "function", "name", "arguments", "tools", "text", "input"]
        ) | st.text(max_size=3),
        inner,
        max_size=4,
    ),
    max_leaves=12,
)  # fmt: skip
ALMOST = st.fixed_dictionaries(
    {
        "messages": st.lists(
            st.fixed_dictionaries(
                {"role": st.sampled_from([*ROLES, "bot"]) | JSON},
                optional={
                    "content": st.text(max_size=5) | JSON,
                    "weight": st.sampled_from([0, 1]) | JSON,
                    "tool_calls": st.lists(st.just(call()), max_size=2) | JSON,
                    "tool_call_id": st.just("call_1") | JSON,
                    "name": JSON,
                },
            ),
            max_size=5,
        )
        | JSON
    },
    optional={"tools": st.just(TOOLS) | JSON, "functions": JSON},
)
LINES = st.binary(max_size=30) | (JSON | ALMOST).map(lambda x: json.dumps(x).encode())


@settings(max_examples=120, deadline=None, derandomize=True, database=None)
@given(lines=st.lists(LINES, max_size=4))
def test_no_file_makes_the_check_stumble(lines, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "whatever.jsonl"
    path.write_bytes(b"\n".join([*lines, *(json.dumps(r).encode() for r in GOOD)]))
    for method in ("supervised", "dpo", "reinforcement"):
        report = check_files(path, method=method)
        error = job_error(path, method=method)
        assert report.ok == (error is None)
        assert str(report)
        for problem in report.problems:
            assert problem.reason
            assert problem.severity == "warning" or problem.wire or not problem.line


# --- training methods -------------------------------------------------------------

PREFERENCE = {
    "input": {"messages": [U]},
    "preferred_output": [A],
    "non_preferred_output": [{**A, "content": "c"}],
}


def preference(i):
    return {**PREFERENCE, "input": {"messages": [{**U, "content": f"a{i}"}]}}


def test_a_chat_file_for_dpo_gets_openais_wrong_method_message(write):
    assert job_error(write(GOOD), method="dpo", file_id="file-X") == {
        "code": "invalid_training_file",
        "message": "The job failed due to an invalid training file. Invalid file "
        "format. Input file file-X is in the fine-tune-chat format, but the specified "
        "fine-tuning job is not using 'supervised' as the training method (provided "
        "method=dpo). ",
        "param": "training_file",
    }


def test_a_preference_file_for_supervised_training_is_told_once(write):
    path = write([preference(i) for i in range(12)])
    assert "not using 'dpo'" in job_error(path)["message"]
    report = check_files(path)
    assert [p.code for p in report.problems] == ["wrong_method"]


def test_a_prompt_completion_file_is_recognised(write):
    path = write([{"prompt": "a", "completion": "b"}] * 12)
    assert codes(check_files(path)) == ["wrong_method"]
    assert "prompt-completion format" in job_error(path)["message"]


def test_preference_examples_are_read_with_method_dpo(write):
    assert check_files(write([preference(i) for i in range(12)]), method="dpo").ok
    bad = {**PREFERENCE, "preferred_output": [U]}
    report = check_files(write([*map(preference, range(12)), bad]), method="dpo")
    assert [p.field for p in report.errors] == ["preferred_output[0].role"]


def test_reinforcement_examples_end_with_the_user_and_may_have_more_keys(write):
    rows = [{**messages(("user", f"{i}+1?")), "answer": i + 1} for i in range(12)]
    assert job_error(write(rows), method="reinforcement") is None
    error = job_error(write(GOOD), method="reinforcement")
    assert "last message must be from the user" in error["message"]


# --- examples and files compared --------------------------------------------------


def test_a_duplicate_names_the_line_of_the_first(write):
    report = check_files(write([*GOOD, GOOD[3]]))
    (problem,) = report.problems
    assert (problem.code, problem.line) == ("duplicate_example", 13)
    assert "line 4" in problem.reason


def test_capitals_and_spaces_do_not_hide_a_duplicate(write):
    report = check_files(write([*GOOD, row("question  3? ", "ANSWER 3.")]))
    assert codes(report) == ["duplicate_example"]


def test_the_same_question_with_another_answer_is_a_contradiction(write):
    report = check_files(write([*GOOD, row("Question 3?", "Another answer.")]))
    (problem,) = report.problems
    assert (problem.code, problem.line) == ("contradicting_answers", 13)
    assert "Line 4" in problem.reason


def test_the_same_question_under_another_system_prompt_is_none(write):
    rows = [row(f"Question {i % 6}?", f"Answer {i}.", f"Be {i}.") for i in range(12)]
    assert check_files(write(rows)).problems == []


def test_a_leak_between_files_names_both_places(write):
    training = write(GOOD)
    validation = write([row("New?", "Yes."), GOOD[2]], "validation.jsonl")
    test = write([row("Question 5?", "Other."), row("Newer?", "Yes.")], "test.jsonl")
    report = check_files(training, validation, test)
    assert [(p.code, p.file, p.line) for p in report.problems] == [
        ("leak", "validation.jsonl", 2),
        ("leaked_prompt", "test.jsonl", 1),
    ]
    assert "train.jsonl, line 3" in report.problems[0].reason


def test_a_leak_between_validation_and_test_is_found(write):
    new = [row("New?", "Yes.")]
    report = check_files(
        write(GOOD), write(new, "validation.jsonl"), write(new, "test.jsonl")
    )
    assert [(p.code, p.file) for p in report.problems] == [("leak", "test.jsonl")]


def test_files_of_the_same_name_are_told_apart(write, tmp_path):
    (tmp_path / "b").mkdir()
    report = check_files(write(GOOD), write(GOOD[:1], "b/train.jsonl"))
    assert list(report.files) == ["train.jsonl (training)", "train.jsonl (validation)"]


def test_one_row_with_another_system_prompt_is_pointed_out(write):
    odd = row("New?", "Yes.", system="You are a pirate.")
    report = check_files(write([*GOOD, odd]))
    (problem,) = report.problems
    assert (problem.code, problem.line) == ("system_prompt_mixed", 13)
    assert "You are a pirate." in problem.reason


def test_another_system_prompt_in_the_test_file_is_pointed_out(write):
    # The mistake of the lesson's own notebook: trained as "Elle is a factual
    # chatbot ...", tested as "You are Elle, a factual chatbot ...".
    training = write([row(f"{i}?", "1", "Elle is a chatbot.") for i in range(10)])
    test = write([row("New?", "2", "You are Elle, a chatbot.")], "test.jsonl")
    report = check_files(training, None, test)
    (problem,) = report.problems
    assert (problem.code, problem.file) == ("system_prompt_differs", "test.jsonl")
    assert "You are Elle" in problem.reason
    assert "Elle is a chatbot." in problem.reason


def test_system_prompts_that_are_data_are_left_alone(write):
    # Text-to-SQL examples carry their table in the system prompt.
    training = write([row(f"{i}?", "1", f"Table {i}") for i in range(12)])
    test = write([row("New?", "2", "Table 99")], "test.jsonl")
    assert check_files(training, None, test).problems == []


# --- tokens -----------------------------------------------------------------------


def words(example):
    return sum(len(m["content"].split()) for m in example["messages"])


def test_an_example_beyond_the_limit_is_told_with_both_numbers(write):
    long = row("word " * 100, "Yes.")
    report = check_files(write([*GOOD, long]), count_tokens=words, max_tokens=50)
    (problem,) = report.problems
    assert (problem.code, problem.line) == ("too_long", 13)
    assert f"{words(long)} tokens" in problem.reason
    assert "50" in problem.reason


def test_token_counts_are_summarised_for_each_file(write):
    rows = [row("word " * n, "Yes.") for n in range(1, 21)]
    summary = check_files(write(rows), count_tokens=words).tokens["train.jsonl"]
    lengths = [words(r) for r in rows]
    assert summary.total == sum(lengths)
    assert (summary.shortest, summary.longest) == (lengths[0], lengths[-1])
    assert summary.p5 == lengths[0]
    assert summary.median == lengths[9]
    assert summary.p95 == lengths[18]
    assert summary.over_limit == 0


def test_a_counter_of_many_examples_is_used_when_there_is_one(write):
    class Counter:
        def __call__(self, example):
            raise AssertionError("one by one is slower")

        def many(self, examples):
            return [words(example) for example in examples]

    report = check_files(write(GOOD), count_tokens=Counter())
    assert report.tokens["train.jsonl"].examples == 12


# --- personal data ----------------------------------------------------------------


def test_personal_data_and_keys_are_told_masked_when_asked_for(write):
    key = "sk-" + "a1b2" * 6
    rows = [*GOOD, row("Write to cook@example.org", f"Use {key}.")]
    assert check_files(write(rows)).problems == []
    report = check_files(write(rows), privacy=True)
    assert [(p.code, p.line, p.field) for p in report.problems] == [
        ("personal_data", 13, "messages[1].content"),
        ("secret", 13, "messages[2].content"),
    ]
    assert report.ok
    assert "cook@example.org" not in str(report)
    assert key not in str(report)


def test_what_a_problem_quotes_is_masked_as_well(write):
    odd = row("New?", "Yes.", system="Ask cook@example.org.")
    report = check_files(write([*GOOD, odd, row(weight="cook@example.org")]))
    assert [p.code for p in report.problems] == ["system_prompt_mixed", "wrong_value"]
    assert "cook@example.org" not in str(report)


def test_many_findings_are_counted_though_few_are_kept(write):
    rows = [row(f"{i} cook@example.org", "1") for i in range(50)]
    report = check_files(write(rows), privacy=True, keep=3)
    assert len(report.problems) == 3
    assert report.counts["train.jsonl", "personal_data"] == 50


# --- the report -------------------------------------------------------------------


def test_all_faults_are_counted_though_few_are_kept(write):
    report = check_files(write(["{}"] * 500), keep=5)
    assert len(report.problems) == 5
    assert report.n_errors == 500
    assert "495 more" in str(report)


def test_rows_of_a_report_fit_a_table(write):
    (first,) = check_files(write([*GOOD, "{}"])).rows()
    assert first["line"] == 13
    assert first["severity"] == "error"


def test_progress_is_told_every_thousand_examples(write):
    seen = []
    check_files(write([row(f"{i}?", "1") for i in range(2500)]), progress=seen.append)
    assert seen == [1000, 2000]


def test_memory_stays_flat_when_a_file_grows(tmp_path):
    def peak(n):
        path = tmp_path / f"{n}.jsonl"
        with path.open("w", encoding="utf-8") as lines:
            for i in range(n):
                lines.write(json.dumps(row(f"Question {i}? " + "word " * 60, "1")))
                lines.write("\n")
        tracemalloc.start()
        check_files(path)
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return used, path.stat().st_size

    (small, small_size), (large, large_size) = peak(1000), peak(9000)
    # 24 bytes of index per example, against 400 bytes of text.
    assert (large - small) / (large_size - small_size) < 0.2


def test_every_problem_has_a_reason_and_a_fix():
    assert all(reason and fix for reason, fix in PROBLEMS.values())


def test_every_explained_problem_is_one_that_the_rules_can_find():
    folder = Path(helpers.__file__).parent
    sources = [p.read_text(encoding="utf-8") for p in folder.glob("chat_*.py")]
    assert [code for code in PROBLEMS if f'"{code}"' not in "".join(sources)] == []
