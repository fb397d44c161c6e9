"""Stored chat completions: kept when asked for, listed, changed, deleted, capped."""

from __future__ import annotations

import json
import threading
from dataclasses import replace

import openai
import pytest
from openai.types.chat import ChatCompletion

from helpers.provider import stored
from helpers.provider.settings import REPOSITORY, Limits
from helpers.provider.store import Store, UnknownCursor
from tests.provider.harness import KEY, FakeTraining, wait_until

ASK = [{"role": "user", "content": "List the foods: 1 tsp. salt"}]
# Special tokens end an answer; made impossible, it is as long as it may be.
ENDLESS = {str(special): -100 for special in range(6)}


def ask(client, **more):
    more = {"max_completion_tokens": 4, "temperature": 0, "messages": ASK, **more}
    return client.chat.completions.create(model="kitchen-base", **more)


def completion(number: int, model: str = "m", size: int = 1) -> ChatCompletion:
    """Return a completion as a model might have answered it."""
    return ChatCompletion.model_validate(
        {
            "id": f"chatcmpl-{number}",
            "object": "chat.completion",
            "created": 1000 + number,
            "model": model,
            "choices": [
                {
                    "index": 0,
                    "finish_reason": "stop",
                    "logprobs": None,
                    "message": {
                        "role": "assistant",
                        "content": "a" * size,
                        "refusal": None,
                    },
                }
            ],
        }
    )


def keep(store: Store, number: int, limits: Limits | None = None, **more) -> str:
    kept = completion(number, more.pop("model", "m"), more.pop("size", 1))
    arguments = {"messages": ASK, "metadata": None, **more}
    stored.keep(store, limits or Limits(), kept, **arguments)
    return kept.id


# Asked for with store: true


def test_a_completion_is_stored_when_asked_for_and_comes_back_as_it_was(real):
    chat = real.client.chat.completions
    made = ask(real.client, store=True, metadata={"run": "one"}, logprobs=True)
    again = chat.retrieve(made.id)
    assert again.to_dict() == {**made.to_dict(), "metadata": {"run": "one"}}
    (message,) = chat.messages.list(made.id).data
    assert (message.id, message.content) == (f"{made.id}-0", ASK[0]["content"])
    assert message.role == "user"


@pytest.mark.parametrize("store", [False, None])
def test_nothing_is_stored_that_was_not_asked_for(real, store):
    made = ask(real.client, store=store, metadata={"run": "none"})
    with pytest.raises(openai.NotFoundError):
        real.client.chat.completions.retrieve(made.id)
    assert not real.client.chat.completions.list(metadata={"run": "none"}).data


@pytest.mark.parametrize("usage", [True, False])
def test_a_stream_is_stored_as_the_whole_answer_would_be(real, usage):
    options = {"include_usage": True} if usage else None
    chunks = list(
        ask(
            real.client,
            store=True,
            stream=True,
            n=2,
            metadata={"run": "stream"},
            stream_options=options,
            logit_bias=ENDLESS,
        )
    )
    # There as soon as the stream has ended, without waiting.
    kept = real.client.chat.completions.retrieve(chunks[0].id)
    whole = ask(real.client, n=2, logit_bias=ENDLESS)
    assert kept.choices == whole.choices
    assert kept.usage == whole.usage
    assert kept.metadata == {"run": "stream"}
    if usage:
        assert chunks[-1].usage == whole.usage


def test_a_stream_that_the_client_leaves_is_not_stored(real):
    client = real.client
    stream = ask(
        client,
        store=True,
        stream=True,
        max_completion_tokens=200,
        logit_bias=ENDLESS,
        metadata={"run": "left"},
    )
    first = next(iter(stream))
    stream.close()
    # The next answer of the one engine comes after the one that was left has ended.
    ask(client, max_completion_tokens=200, logit_bias=ENDLESS)
    with pytest.raises(openai.NotFoundError):
        client.chat.completions.retrieve(first.id)


def test_a_request_that_fails_stores_nothing(real):
    with pytest.raises(openai.BadRequestError):
        ask(real.client, store=True, metadata={"run": "bad"}, temperature=9)
    assert not real.client.chat.completions.list(metadata={"run": "bad"}).data


def test_a_stored_completion_survives_a_restart(tmp_path):
    with FakeTraining(tmp_path) as server:
        name = keep(server.store, 1, metadata={"a": "b"})
        seen = server.client.chat.completions.retrieve(name).to_dict()
    with FakeTraining(tmp_path) as server:
        assert server.client.chat.completions.retrieve(name).to_dict() == seen


# Lists and changes, through the client


@pytest.fixture
def four(tmp_path):
    """Four completions of two models: 0 and 2 answer for a, 1 and 3 for b."""
    with FakeTraining(tmp_path) as server:
        for number in range(4):
            keep(
                server.store,
                number,
                model="ab"[number % 2],
                metadata={"half": "ab"[number // 2], "all": "yes"},
            )
        yield server.client.chat.completions


def ids(page) -> list[int]:
    return [int(one.id.removeprefix("chatcmpl-")) for one in page]


def test_the_list_is_oldest_first_and_pages_in_both_directions(four):
    assert ids(four.list()) == [0, 1, 2, 3]
    assert ids(four.list(order="desc")) == [3, 2, 1, 0]
    assert ids(four.list(limit=1)) == [0, 1, 2, 3]
    assert ids(four.list(limit=3, order="desc")) == [3, 2, 1, 0]
    page = four.list(limit=2, after="chatcmpl-0")
    assert (ids(page.data), page.has_more) == ([1, 2], True)
    assert page.to_dict()["first_id"] == "chatcmpl-1"
    assert page.to_dict()["last_id"] == "chatcmpl-2"
    assert four.list(after="chatcmpl-1").has_more is False


def test_the_list_can_be_narrowed_by_model_and_metadata(four):
    assert ids(four.list(model="b")) == [1, 3]
    assert ids(four.list(metadata={"half": "a"})) == [0, 1]
    assert ids(four.list(metadata={"half": "a", "all": "yes"}, model="b")) == [1]
    assert ids(four.list(metadata={"half": "a", "all": "no"})) == []
    assert ids(four.list(model="c")) == []
    # A path or a wildcard in a key is only a key.
    assert ids(four.list(metadata={"$": "a"})) == []
    assert ids(four.list(metadata={"half": "%"})) == []


def test_metadata_is_replaced_and_can_be_searched_at_once(four):
    changed = four.update("chatcmpl-2", metadata={"new": "one"})
    assert changed.metadata == {"new": "one"}
    assert four.retrieve("chatcmpl-2") == changed
    assert ids(four.list(metadata={"new": "one"})) == [2]
    assert ids(four.list(metadata={"half": "b"})) == [3]
    assert four.update("chatcmpl-2", metadata=None).metadata == {}


def test_a_deleted_completion_is_gone_but_still_a_place_in_the_list(four):
    gone = four.delete("chatcmpl-1")
    assert gone.to_dict() == {
        "id": "chatcmpl-1",
        "object": "chat.completion.deleted",
        "deleted": True,
    }
    assert ids(four.list()) == [0, 2, 3]
    assert ids(four.list(after="chatcmpl-1")) == [2, 3]
    for call in (
        lambda: four.retrieve("chatcmpl-1"),
        lambda: four.delete("chatcmpl-1"),
        lambda: four.update("chatcmpl-1", metadata={}),
        lambda: four.messages.list("chatcmpl-1"),
    ):
        with pytest.raises(openai.NotFoundError) as caught:
            call()
        assert caught.value.param == "completion_id"
        assert "chatcmpl-1" in str(caught.value)


def test_a_list_can_be_walked_while_everything_in_it_is_deleted(four):
    for one in four.list(limit=1):
        four.delete(one.id)
    assert ids(four.list()) == []


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": "many"}, "limit"),
        ({"order": "up"}, "order"),
        ({"after": "chatcmpl-none"}, "after"),
        ({"metadata": "x"}, "metadata"),
    ],
)
def test_a_wrong_query_is_named(four, query, param):
    calls = [lambda: four.list(extra_query=query)]
    if param != "metadata":
        calls.append(lambda: four.messages.list("chatcmpl-0", extra_query=query))
    for call in calls:
        with pytest.raises(openai.BadRequestError) as caught:
            call()
        assert caught.value.param == param


@pytest.mark.parametrize(
    "metadata",
    [
        {str(number): "" for number in range(17)},
        {"k" * 65: ""},
        {"k": "v" * 513},
    ],
)
def test_metadata_has_openais_bounds(real, four, metadata):
    with pytest.raises(openai.BadRequestError) as caught:
        four.update("chatcmpl-0", metadata=metadata)
    assert caught.value.param == "metadata"
    with pytest.raises(openai.BadRequestError) as caught:
        ask(real.client, store=True, metadata=metadata)
    assert caught.value.param == "metadata"
    largest = {f"{number:064}": "v" * 512 for number in range(16)}
    assert four.update("chatcmpl-0", metadata=largest).metadata == largest


@pytest.mark.parametrize("body", [{}, {"metadata": {"k": 1}}, {"metadata": "k"}])
def test_an_update_without_proper_metadata_is_refused(fake, client, body):
    name = keep(fake.store, hash(str(body)), metadata={"old": "one"})
    with pytest.raises(openai.BadRequestError) as caught:
        client.post(f"/chat/completions/{name}", body=body, cast_to=object)
    assert caught.value.param.startswith("metadata")
    assert client.chat.completions.retrieve(name).metadata == {"old": "one"}


def test_messages_are_paged_and_show_what_was_sent(fake, client):
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "hi"}], "name": "ann"},
        {"role": "assistant", "tool_calls": [call]},
        {"role": "tool", "content": "7", "tool_call_id": "c"},
        {"role": "assistant", "content": [{"type": "refusal", "refusal": "no"}]},
    ]
    name = keep(fake.store, 77, messages=messages)
    shown = [
        one.to_dict() for one in client.chat.completions.messages.list(name, limit=2)
    ]
    assert [one["id"] for one in shown] == [f"{name}-{n}" for n in range(5)]
    assert [one["role"] for one in shown] == [one["role"] for one in messages]
    assert [one["content"] for one in shown] == ["Be brief.", None, None, "7", None]
    assert shown[1]["content_parts"] == messages[1]["content"]
    assert shown[1]["name"] == "ann"
    assert shown[2]["tool_calls"] == [call]
    assert shown[3]["tool_call_id"] == "c"
    assert shown[4]["refusal"] == "no"
    backwards = client.chat.completions.messages.list(name, limit=2, order="desc")
    assert [one.id for one in backwards] == [f"{name}-{n}" for n in (4, 3, 2, 1, 0)]


def test_the_list_fits_the_public_document(four):
    jsonschema = pytest.importorskip("jsonschema")
    path = REPOSITORY / "tests" / "conformance" / "openai-subset.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    schema = {
        "$ref": "#/components/schemas/ChatCompletionList",
        "components": document["components"],
    }
    for query in ({}, {"model": "none"}):
        raw = four.with_raw_response.list(**query)
        jsonschema.validate(raw.http_response.json(), schema)


def test_a_stored_completion_fits_the_clients_types(fake):
    name = keep(fake.store, 78, metadata={"a": "b"})
    with openai.OpenAI(
        base_url=fake.url, api_key=KEY, _strict_response_validation=True
    ) as strict:
        assert strict.chat.completions.retrieve(name).id == name
        assert strict.chat.completions.delete(name).deleted


# The database


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "store.sqlite3")
    yield store
    store.close()


def left(store: Store, **more) -> list[int]:
    with store.read() as session:
        page = session.list_completions(
            **{"limit": 1000, "after": None, "ascending": True, **more}
        )
    return ids(page.rows)


def rows(store: Store) -> int:
    with store.read() as session:
        query = session._connection.execute("SELECT count(*) FROM chat_completions")
        return query.fetchone()[0]


def test_the_oldest_go_when_there_are_too_many(store):
    few = replace(Limits(), stored_completions=3)
    for number in range(5):
        keep(store, number, few)
    assert left(store) == [2, 3, 4]
    with store.read() as session:
        assert session.completion("chatcmpl-1") is None


def test_the_oldest_go_when_all_are_too_large_together(store):
    small = replace(Limits(), stored_completion_bytes=3000)
    for number in range(4):
        keep(store, number, small, size=600)
    assert left(store) == [1, 2, 3]
    keep(store, 4, small, size=10_000)
    assert left(store) == [4]
    keep(store, 5, small)
    assert left(store) == [5]


def test_what_is_gone_leaves_no_content_and_no_row_for_ever(store):
    few = replace(Limits(), stored_completions=3)
    for number in range(20):
        keep(store, number, few, metadata={"secret": "spice"})
    with store.write() as session:
        assert session.delete_completion("chatcmpl-19", 5)
        assert not session.delete_completion("chatcmpl-19", 5)
    assert rows(store) <= 2 * few.stored_completions
    with store.read() as session:
        gone = session._connection.execute(
            "SELECT metadata, messages, completion, size FROM chat_completions "
            "WHERE deleted_at IS NOT NULL"
        ).fetchall()
    assert {tuple(row) for row in gone} == {(None, "[]", "{}", 0)}
    # One that went a little while ago is still a cursor, one long gone is not.
    assert left(store, after="chatcmpl-15") == [17, 18]
    with pytest.raises(UnknownCursor):
        left(store, after="chatcmpl-3")


def test_many_at_once_are_all_kept_once(store):
    def work(start: int) -> None:
        for number in range(start, start + 10):
            keep(store, number)

    threads = [threading.Thread(target=work, args=(n * 10,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(left(store)) == list(range(40))


def test_of_deletes_at_the_same_time_one_wins(four):
    said = []

    def delete() -> None:
        try:
            said.append(four.delete("chatcmpl-0").deleted)
        except openai.NotFoundError:
            said.append(None)

    threads = [threading.Thread(target=delete) for _ in range(5)]
    for thread in threads:
        thread.start()
    wait_until(lambda: len(said) == 5)
    for thread in threads:
        thread.join()
    assert sorted(map(str, said)) == ["None"] * 4 + ["True"]
