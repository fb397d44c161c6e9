"""What helpers say to people, kept in one place and ready for translation.

Purpose: every sentence that a learner reads from `helpers` stands here under a stable
key, so that a translator has one file to work on (`pybabel extract -k N_`).
It must never know where a sentence is shown, and it never holds words of the wire
contract: what OpenAI's API says stays English, in the module that says it.
"""

from __future__ import annotations

import gettext
import os
from functools import lru_cache
from pathlib import Path

DOMAIN = "helpers"
LOCALE_DIR = Path(__file__).parent / "locale"


def N_(text: str) -> str:
    """Mark `text` for extraction and return it unchanged."""
    return text


@lru_cache(maxsize=8)
def _translation(language: str) -> gettext.NullTranslations:
    return gettext.translation(
        DOMAIN, LOCALE_DIR, languages=[language] if language else [], fallback=True
    )


def _(text: str) -> str:
    """Translate `text` into the language of COMPANION_LANGUAGE, else return it."""
    return _translation(os.environ.get("COMPANION_LANGUAGE", "")).gettext(text)


def say(key: str, /, **values: object) -> str:
    """Return the sentence `key`, translated, with `values` filled in.

    Raises:
        KeyError: there is no sentence of that key.
    """
    return _(TEXTS[key]).format(**values)


def problem_text(code: str, /, **values: object) -> tuple[str, str]:
    """Return (reason, fix) of a problem in a training file.

    Raises:
        KeyError: there is no problem of that code.
    """
    reason, fix = PROBLEMS[code]
    return _(reason).format(**values), _(fix).format(**values)


# Problems of training files: code -> (what is wrong, how to mend it).
PROBLEMS: dict[str, tuple[str, str]] = {
    # The file as a whole.
    "empty_file": (
        N_("The file has no examples."),
        N_("Write one JSON object per line; at least {minimum} lines are needed."),
    ),
    "utf16": (
        N_("The file is written in UTF-16, not in UTF-8."),
        N_("Save it again as UTF-8 (in Python: open(path, 'w', encoding='utf-8'))."),
    ),
    "compressed": (
        N_("The file is a compressed archive, not text."),
        N_("Unpack it and give the .jsonl file inside."),
    ),
    "json_list": (
        N_("The file is one JSON list; JSON Lines has one object per line."),
        N_("Write every object of the list on a line of its own, without commas."),
    ),
    "spread_over_lines": (
        N_("One JSON object is spread over several lines."),
        N_("Write it on one line: json.dumps(example) without indent."),
    ),
    "byte_order_mark": (
        N_("The file starts with a byte order mark (EF BB BF)."),
        N_(
            "Nothing to mend: it is read here and at OpenAI, and Azure asks for it. "
            "To leave it out, save as 'utf-8' instead of 'utf-8-sig'."
        ),
    ),
    "windows_line_endings": (
        N_("Lines end with CR LF, as on Windows."),
        N_("Nothing breaks; to be safe write with open(..., newline='\\n')."),
    ),
    "too_few_examples": (
        N_("The file has {count} example(s); at least {minimum} are needed."),
        N_("Add examples. OpenAI suggests 50 to 100 to see an effect."),
    ),
    # One line.
    "blank_line": (
        N_("The line is empty."),
        N_("Delete it; every line has to hold one JSON object."),
    ),
    "invalid_utf8": (
        N_("Byte {byte} at column {column} is not UTF-8."),
        N_("Save the file as UTF-8. It may have been saved as {guess}."),
    ),
    "invalid_json": (
        N_("This is not valid JSON: {error} (column {column})."),
        N_("{hint}"),
    ),
    "not_an_object": (
        N_("The line holds {found}, not a JSON object."),
        N_('Wrap it: {{"messages": [...]}}.'),
    ),
    "wrong_method": (
        N_(
            "The example is in the {found} format; the training method '{method}' "
            "needs {expected}."
        ),
        N_("{hint}"),
    ),
    # The shape of one example.
    "missing_key": (
        N_("The key '{key}' is missing."),
        N_("Add '{key}'{where}."),
    ),
    "unknown_key": (
        N_("The key '{key}' is not known here."),
        N_("Delete it{guess}. Hosted services refuse keys that they do not know."),
    ),
    "wrong_type": (
        N_("Found {found}, expected {expected}."),
        N_("Write {expected} here."),
    ),
    "wrong_value": (
        N_("Found {found}, expected {expected}."),
        N_("Use {expected}."),
    ),
    "empty_list": (
        N_("The list is empty."),
        N_("Put at least one element into it, or leave the key out."),
    ),
    "role_missing": (
        N_("The message has no 'role'."),
        N_("Say who speaks: system, user or assistant."),
    ),
    "role_unknown": (
        N_("The role '{found}' does not exist."),
        N_("Use one of {expected}{guess}."),
    ),
    # The order of messages.
    "last_not_assistant": (
        N_("The last message is from '{found}', so there is no answer to learn."),
        N_("End the example with the assistant's answer."),
    ),
    "last_not_user": (
        N_("The last message is from '{found}'; here the model answers itself."),
        N_("End the example with the user's message."),
    ),
    "system_not_first": (
        N_("The {role} message is not the first one."),
        N_("Move it to the start, as the model will see it in use."),
    ),
    "same_role_twice": (
        N_("Two messages from '{role}' follow each other."),
        N_("Join them into one, or add the message that is missing in between."),
    ),
    "answer_first": (
        N_("The assistant speaks before the user has asked anything."),
        N_("Put the user's message first."),
    ),
    "no_user": (
        N_("There is no message from the user."),
        N_("Add the question that this answer belongs to."),
    ),
    # Tools.
    "tool_without_call": (
        N_("This tool result answers no tool call before it (id '{found}')."),
        N_("Set 'tool_call_id' to the 'id' of a call in the assistant message before."),
    ),
    "call_without_result": (
        N_("The call '{found}' gets no result before the talk goes on."),
        N_("Add a message with role 'tool' and this 'tool_call_id'."),
    ),
    "bad_arguments": (
        N_("The arguments of '{name}' are not JSON text: {error}."),
        N_('Write them as a JSON string, such as "{{\\"city\\": \\"Seoul\\"}}".'),
    ),
    "unknown_tool": (
        N_("The tool '{name}' is called, but the example's 'tools' do not list it."),
        N_("Describe it under 'tools', as the model will see it in use."),
    ),
    # Answers.
    "missing_answer": (
        N_("The assistant message has neither 'content' nor 'tool_calls'."),
        N_("Write the answer into 'content'."),
    ),
    "empty_answer": (
        N_("The assistant's answer is empty: the model would learn to say nothing."),
        N_("Write the answer, or delete the example."),
    ),
    "empty_content": (
        N_("The {role} message is empty."),
        N_("Write its text, or delete the message."),
    ),
    "nothing_to_learn": (
        N_("Every answer has weight 0, so there is nothing to learn."),
        N_("Give at least one answer the weight 1, or delete the example."),
    ),
    "reserved_token": (
        N_("The text contains {found}, a control token of OpenAI's models."),
        N_("Delete it or spell it otherwise; OpenAI refuses the file."),
    ),
    "image_content": (
        N_("The message holds a picture; the local model reads text only."),
        N_("Describe it in words, or train on a hosted model that sees."),
    ),
    "too_long": (
        N_("The example has {count} tokens; the model reads {limit}."),
        N_("Shorten it: what is beyond the limit is cut off, the answer first."),
    ),
    # Examples compared with each other.
    "duplicate_example": (
        N_("The same example stands in line {other}."),
        N_("Delete one of the two, unless it should count twice."),
    ),
    "contradicting_answers": (
        N_("Line {other} has the same prompt and another answer."),
        N_("Decide which answer is right and delete the other."),
    ),
    "leak": (
        N_("The same example stands in {file}, line {other}."),
        N_("Delete it here: a score on rows seen in training says nothing."),
    ),
    "leaked_prompt": (
        N_("The same prompt stands in {file}, line {other}, with another answer."),
        N_("Delete it here: a score on prompts seen in training says little."),
    ),
    "system_prompt_mixed": (
        N_(
            "{count} of {total} examples have another system prompt than the most: "
            "{found}, not {expected}."
        ),
        N_("Use one system prompt for one task, in training and afterwards."),
    ),
    "system_prompt_differs": (
        N_("The system prompt {found} is not the one of {file}: {expected}."),
        N_("Test with the very prompt that you train with."),
    ),
}

# Hints that fill the field `hint` above, and other sentences.
TEXTS: dict[str, str] = {
    "json.quotes": N_(
        "Use double quotes around names and texts: json.dumps writes them, "
        "str(dict) does not."
    ),
    "json.comma": N_("Look for a comma too many or too few before this column."),
    "json.extra": N_("Two objects share the line: write each on its own line."),
    "json.cut": N_("The line breaks off: the file was cut, or a quote is missing."),
    "json.control": N_("Write line breaks and tabs inside texts as \\n and \\t."),
    "json.surrogate": N_("Half of a character is left; write the file anew as UTF-8."),
    "json.deep": N_("The lists or objects are nested too deeply; flatten them."),
    "json.mark": N_(
        "A byte order mark stands inside the file, as when two files are joined: "
        "delete it."
    ),
    "json.other": N_("Write the line with json.dumps(example)."),
    "format.chat": N_("chat"),
    "format.preference": N_("preference (DPO)"),
    "format.completion": N_("prompt/completion"),
    "expects.supervised": N_("chat examples ('messages')"),
    "expects.dpo": N_(
        "preferences ('input', 'preferred_output', 'non_preferred_output')"
    ),
    "expects.reinforcement": N_("prompts ('messages' that end with the user)"),
    "method.preference": N_("Train with method='dpo', or rewrite it as 'messages'."),
    "method.chat": N_("Train with method='supervised', or write preferences."),
    "method.completion": N_(
        "Rewrite it: prompt becomes a user message, completion an assistant message."
    ),
    "where.message": N_(" to the message"),
    "where.example": N_(" to the example"),
    "guess.weight": N_(" (only messages of the assistant have a weight)"),
    "guess": N_(" (did you mean '{found}'?)"),
    "report.clean": N_("No problems found."),
    "report.file": N_("{file}: {count} examples"),
    "report.totals": N_("{errors} error(s), {warnings} warning(s)."),
    "report.more": N_("… and {count} more of '{code}'."),
    "report.tokens": N_(
        "{total} tokens; {mean:.0f} per example, {p5} to {p95} in 90 % of them, "
        "{longest} at most"
    ),
    "type.text": N_("text"),
    "type.list": N_("a list"),
    "type.object": N_("an object"),
    "type.bool": N_("true or false"),
    "type.null": N_("null"),
    "found.null": N_("null"),
    "found.number": N_("the number {value}"),
    "found.text": N_("the text '{value}'"),
    "found.list": N_("a list"),
    "found.object": N_("an object"),
    "prompt.none": N_("(none)"),
    # Recipes.
    "recipes.missing": N_(
        "There is no recipe file at {path}. Set COMPANION_RECIPES to a CSV file, or "
        "make the one that comes along: python -m tools.make_recipes"
    ),
    "recipes.unreadable": N_("{path} cannot be read as CSV: {error}"),
    "recipes.columns": N_(
        "{path} lacks the column(s) {missing}; it has {found}. Needed are title, "
        "ingredients and NER."
    ),
    "recipes.few": N_("{path} has {found} rows; the splits need {needed}."),
    "recipes.list": N_(
        "{path}, row {row}, column '{column}': found {found!r}, expected a JSON list "
        "of texts."
    ),
    "recipes.split": N_("The split '{split}' has {size} rows; {asked} were asked for."),
    "prompting.few": N_("k is {k}, but there are {found} examples to show."),
    # Evaluation.
    "ask.resume": N_(
        "{done} of {total} answers are kept; run this again to ask the rest."
    ),
    "ask.failed": N_(
        "{done} of {total} answers had come; give `keep=` a file to go on from there."
    ),
    "compare.rows": N_(
        "The first system answered {first} rows, the second {second}; compare the same "
        "rows."
    ),
    "answer.unreadable": N_("(not a list) {text}"),
    "metric.f1": N_("F1"),
    "metric.precision": N_("precision"),
    "metric.recall": N_("recall"),
    "metric.exact": N_("exact lists"),
    "metric.valid": N_("readable lists"),
    "verdict.better": N_(
        "better: {metric} {value:+.2f} (95 % interval {low:+.2f} to {high:+.2f})"
    ),
    "verdict.worse": N_(
        "worse: {metric} {value:+.2f} (95 % interval {low:+.2f} to {high:+.2f})"
    ),
    "verdict.cannot_tell": N_(
        "cannot tell: {metric} {value:+.2f} (95 % interval {low:+.2f} to {high:+.2f} "
        "contains 0)"
    ),
    # Connections.
    "connect.local": N_("the local provider"),
    "connect.provider": N_("Provider: {label} at {url}"),
    "connect.model": N_("Base model: {model}"),
    "connect.free": N_("Cost: nothing; nothing leaves this machine."),
    "connect.billed": N_(
        "Cost: calls may be billed; you are asked before a job is started."
    ),
    "connect.unknown": N_(
        "COMPANION_PROVIDER is '{found}'; it can be local, openai, azure or a URL that "
        "starts with http:// or https://."
    ),
    "connect.azure": N_(
        "Azure needs an address as well: set AZURE_OPENAI_ENDPOINT to the endpoint of "
        "your resource, such as https://NAME.openai.azure.com"
    ),
    "connect.no_model": N_(
        "{url} lists no models; set COMPANION_MODEL to the one to fine-tune."
    ),
    "key.question": N_("Key for {service} ({name}; it is not shown):"),
    "key.missing": N_(
        "No key for {service} was found. Set {name} in the environment, in Colab's or "
        "Codespaces' secrets, or in a file .env. Without any key everything runs on "
        "the local provider: COMPANION_PROVIDER=local"
    ),
    "spend.estimate": N_("{label} bills its calls. {what}"),
    "spend.question": N_("Go on? Type yes:"),
    "spend.refused": N_(
        "Stopped before anything was spent. To go on, answer yes, or set "
        "COMPANION_SPEND=yes for a run without a keyboard."
    ),
    "start.locked": N_(
        "Another process has been starting the provider in {home} for minutes. End it, "
        "or delete start.lock there, and try again."
    ),
    "start.silent": N_(
        "The local provider at {url} (process {pid}) runs but does not answer. Stop it "
        "with: python -m helpers.provider stop"
    ),
    "start.ended": N_(
        "The local provider ended at its start (exit code {code}). It said:\n{log}"
    ),
    "start.slow": N_(
        "The local provider did not answer within {seconds:.0f} seconds and was ended. "
        "It said:\n{log}"
    ),
    # Charts.
    "chart.training": N_("training"),
    "chart.validation": N_("validation (a batch)"),
    "chart.full": N_("validation (all)"),
    "chart.step": N_("step"),
    "chart.loss.title": N_("Loss during fine-tuning"),
    "chart.loss.axis": N_("loss"),
    "chart.accuracy.title": N_("Token accuracy during fine-tuning"),
    "chart.accuracy.axis": N_("share of tokens predicted"),
    "chart.f1": N_("F1 over ingredient names"),
    "chart.exact": N_("lists that are exactly right"),
    "chart.bands": N_("Points: the score. Bands: its 95 % interval."),
    "reading.nothing": N_("No metrics yet."),
    "reading.loss": N_("loss"),
    "reading.accuracy": N_("accuracy"),
    "reading.loss.training": N_(
        "Training loss went from {first:.2f} to {last:.2f} in {steps} steps."
    ),
    "reading.accuracy.training": N_(
        "Training accuracy went from {first:.2f} to {last:.2f} in {steps} steps."
    ),
    "reading.full.once": N_("On the whole validation file it is {last:.2f}."),
    "reading.full.fine": N_(
        "On the whole validation file the {what} ended at {last:.2f}, at or near its "
        "best ({best:.2f}, step {step}): no sign of overfitting."
    ),
    "reading.full.rose": N_(
        "On the whole validation file the {what} was best at step {step} ({best:.2f}) "
        "and ended at {last:.2f}: from there on the model learned its training rows by "
        "heart."
    ),
    "reading.score": N_(
        "{name}: F1 {value:.2f} (95 % interval {low:.2f} to {high:.2f}), {exact:.0f} % "
        "of lists exact"
    ),
    "reading.scores": N_("On {n} recipes: {scores}."),
    # The environment.
    "environment.python": N_("Python {version}"),
    "environment.python.mend": N_(
        "3.11 or newer is needed. Install it, then: make HOST_PYTHON=... lab"
    ),
    "environment.packages": N_("{found} of {total} packages"),
    "environment.packages.mend": N_(
        "Missing: {names}. Open the notebook with: make lab (it installs them)."
    ),
    "environment.model": N_("base model, {size:.1f} MB"),
    "environment.model.mend": N_(
        "Its weights are not in data/base_model. Clone the repository again, or make "
        "them (hours): make base-model"
    ),
    "environment.folder": N_("folder to write into"),
    "environment.folder.mend": N_(
        "It cannot be written ({error}). Set COMPANION_OUT to a folder of yours."
    ),
    "environment.disk": N_("{free:.0f} GiB free on the disk"),
    "environment.disk.mend": N_("1 GiB is needed. Make room, then go on."),
    "environment.ready": N_("Everything is there."),
    "environment.not_ready": N_("Mend the lines marked [FAIL], then run this again."),
    "environment.restart": N_(
        "Restart the kernel once, then run the notebook from the top: {names} had been "
        "loaded in another version."
    ),
    # Widgets.
    "widget.row": N_("row"),
    # Checks of exercises.
    "check.not_tried": N_("Not tried yet. You can go on without it."),
    "check.rows.right": N_("Right: these are the first {n} rows, no more, no fewer."),
    "check.rows.type": N_(
        "Not yet: this is a {found}. Take rows of `recipes`, a table."
    ),
    "check.rows.one_more": N_(
        "Not yet: these are {found} rows. `.loc` takes both ends along; `.iloc` and "
        "`.head` count otherwise."
    ),
    "check.rows.length": N_("Not yet: these are {found} rows, not {n}."),
    "check.rows.others": N_(
        "Not yet: {n} rows, but not the first ones. Where does counting start?"
    ),
    "check.percentiles.right": N_(
        "Right: 5 % of the examples have fewer than {low:.0f} tokens, 5 % more than "
        "{high:.0f}."
    ),
    "check.percentiles.type": N_("Not yet: both have to be numbers."),
    "check.percentiles.swapped": N_("Not yet: the two stand in the wrong order."),
    "check.percentiles.tenths": N_(
        "Not yet: this is what the tutorial prints. A tenth of the examples lie below "
        "the first number. How many should?"
    ),
    "check.percentiles.shares": N_(
        "Not yet: these are shares between 0 and 1. Wanted are token counts."
    ),
    "check.percentiles.half": N_("Not yet: one of the two is right, the other is not."),
    "check.percentiles.wrong": N_(
        "Not yet. Sort the lengths in your mind: which one has 5 % of them below it?"
    ),
    "check.checkpoint.right": N_(
        "Right: step {step} has the lowest loss on the validation file: {loss:.3f}."
    ),
    "check.checkpoint.type": N_(
        "Not yet: give one of `checkpoints`, its name, or its step number."
    ),
    "check.checkpoint.train": N_(
        "Not yet: this one is best on rows that it was trained on. Which loss tells "
        "about recipes that it has not seen?"
    ),
    "check.checkpoint.accuracy": N_(
        "Not yet: you compared the token accuracy. Asked is the loss."
    ),
    "check.checkpoint.wrong": N_(
        "Not yet: another one has a lower `metrics.full_valid_loss`."
    ),
    # Jobs.
    "job.bar": N_("fine-tuning"),
    "job.loss": N_("loss {loss:.2f}"),
    "job.created": N_("Job {id} was created; it fine-tunes {model}."),
    "job.known": N_(
        "This job was submitted before: {id} ({status}). again=True makes another one."
    ),
    "job.files": N_("Nothing was uploaded, since the files have errors:\n{report}"),
    "job.no_reason": N_("the provider gave no reason"),
    "job.failed": N_("Job {id} failed: {message} (code {code}, param {param})"),
    "job.succeeded": N_("Job {id} has succeeded; the model is {model}"),
    "job.cancelled": N_("Job {id} was cancelled."),
    "job.no_results": N_("Job {id} is {status}; it has no result file yet."),
    "job.estimate": N_(
        "A job of {n} examples and {epochs} epoch(s) on {model}: about {tokens} tokens."
    ),
    "job.price": N_("That is about {cost} US dollars at the price of {date}."),
    "job.no_price": N_(
        "What they cost is not known here: see your provider's price page, and put it "
        "into data/prices.csv if you like."
    ),
    # Models and prices.
    "model.closes": N_(
        "{model} can be had until {date} (read on {read_on}: {source})."
    ),
    "model.closed": N_(
        "{model} ended on {date} (read on {read_on}: {source}); a job may be refused."
    ),
    "price.unreadable": N_("{path}: the row {row} cannot be read: {error}"),
    # The demo.
    "demo.provider": N_("1  Provider"),
    "demo.data": N_("2  Data"),
    "demo.job": N_("3  Fine-tuning"),
    "demo.ask": N_("4  The same recipes for all three"),
    "demo.results": N_("5  Results"),
    "demo.rule": N_("hand-written rule"),
    "demo.base": N_("base model"),
    "demo.tuned": N_("fine-tuned model"),
    "demo.column.system": N_("system"),
    "demo.column.f1": N_("F1 (95 % interval)"),
    "demo.column.exact": N_("exact lists"),
    "demo.column.tokens": N_("tokens"),
    "demo.column.seconds": N_("seconds"),
    "demo.per_call": N_("Tokens and seconds are those of one call, on average."),
    "demo.than_base": N_("Fine-tuned, compared with the base model: {verdict}"),
    "demo.than_rule": N_("Fine-tuned, compared with the rule: {verdict}"),
    "demo.title": N_("{n} recipes that no system had seen"),
    "demo.picture": N_("Picture: {path}"),
    "demo.done": N_(
        "Done in {minutes:.1f} minutes. Next: make lab, and the same step by step."
    ),
    "demo.stop": N_(
        "The provider keeps running for the notebooks; to stop it: "
        "python -m helpers.provider stop"
    ),
    "demo.interrupted": N_("Stopped. Run it again: it goes on from where it was."),
    "demo.failed": N_("This did not work: {error}"),
    "demo.range": N_("--{name} has to be from {least} to {most}."),
    "demo.no_model": N_("Job {id} ended as {status}; there is no model to ask."),
    # The assignment, the job monitor and the playground.
    "assignment.data.unknown": N_(
        "There is no data set '{name}'. Choose one of {known}, or give the path of a "
        "folder with task.json, rows.csv, questions.csv and sealed.json."
    ),
    "assignment.data.unreadable": N_("{path} cannot be read: {error}"),
    "assignment.data.lacks": N_("{path} lacks {missing}."),
    "assignment.data.twice": N_("{path}: the id {id} stands there twice."),
    "assignment.data.unsealed": N_(
        "{path} has no sealed answer for {n} question(s), the first is {first}. Seal "
        "them with helpers.assignment_data.seal."
    ),
    "assignment.no_step": N_("There is no step '{found}'; the steps are {known}."),
    "assignment.column.step": N_("step"),
    "assignment.column.points": N_("points"),
    "assignment.column.check": N_("what the check says"),
    "assignment.step.choice": N_("1 Choose a tutorial and data"),
    "assignment.step.trap": N_("2 Find the trap"),
    "assignment.step.rows": N_("3 Mend the rows"),
    "assignment.step.baseline": N_("4 Measure what you have"),
    "assignment.step.training": N_("5 Fine-tune"),
    "assignment.step.target": N_("6 Reach the target"),
    "assignment.step.decision": N_("7 Decide"),
    "assignment.target": N_(
        "Target: {needed} of the {n} held-out questions answered exactly right. Small "
        "and capital letters, spaces and a stop at the end do not count."
    ),
    "assignment.choice.blank": N_(
        "Not chosen yet. Until you do, the data set '{name}' is shown."
    ),
    "assignment.choice.unknown": N_(
        "Not yet: '{found}' is no notebook that fine-tunes a model. There are: {known}."
    ),
    "assignment.choice.right": N_("Right: you follow {tutorial} with the data {data}."),
    "assignment.trap.name": N_(
        "Not yet: '{found}' is none of the traps. They are called {known}."
    ),
    "assignment.trap.type": N_(
        "Not yet: the suspects are a {found}. Give the ids of rows, or rows themselves."
    ),
    "assignment.trap.unknown": N_(
        "Not yet: some of the suspects are no ids of `work.rows`."
    ),
    "assignment.trap.there_is": N_(
        "Not yet: there is something. Compare rows with questions, rows with rows, and "
        "prompts with prompts."
    ),
    "assignment.trap.none": N_("Right: these rows have none of the traps."),
    "assignment.trap.other": N_(
        "Not yet: no row of this data set shows the trap '{trap}'. Count before you "
        "name it."
    ),
    "assignment.trap.missed": N_(
        "Not yet: the trap is named rightly, but {n} case(s) of it are not among your "
        "suspects. Some may be in disguise."
    ),
    "assignment.trap.innocent": N_(
        "Not yet: all cases are there, but {n} of your suspects have nothing to do "
        "with it."
    ),
    "assignment.trap.right": N_("Right: that is the trap, and these {n} rows show it."),
    "assignment.rows.type": N_(
        "Not yet: this is a {found}. Give a table, or a list of dicts."
    ),
    "assignment.rows.columns": N_("Not yet: the rows lack {missing}."),
    "assignment.rows.empty": N_("Not yet: a prompt or an answer is empty."),
    "assignment.rows.few": N_(
        "Not yet: {found} rows are left; keep at least {needed}. What else could be "
        "done with the bad ones than to drop them?"
    ),
    "assignment.rows.leak": N_(
        "Not yet: {n} row(s) ask a held-out question. A score on them says nothing."
    ),
    "assignment.rows.contradiction": N_(
        "Not yet: {n} rows share a prompt with another row and have another answer."
    ),
    "assignment.rows.repeated": N_(
        "Not yet: {n} row(s) repeat another one. One of the two could get into your "
        "test rows; keep one."
    ),
    "assignment.rows.prompt": N_(
        "Not yet: {n} row(s) have a prompt that is not shaped as those of the "
        "questions. Compare both letter by letter."
    ),
    "assignment.rows.label": N_(
        "Not yet: {n} row(s) still have an answer that the guide would not give."
    ),
    "assignment.rows.right": N_(
        "Right: {n} rows, shaped as the questions, none of them a question, none "
        "against the guide."
    ),
    "assignment.answers.type": N_(
        "Not yet: '{name}' has to be a list with one answer per row, as `ask` returns "
        "it."
    ),
    "assignment.answers.length": N_(
        "Not yet: '{name}' has {found} answers for {n} prompts."
    ),
    "assignment.baseline.prompt": N_(
        "Not yet: with examples the prompts should be longer than without. Did both go "
        "out in the same way?"
    ),
    "assignment.baseline.right": N_("Right, on {n} test rows: {shares}."),
    "assignment.training.type": N_("Not yet: a {found} is no job. `submit` gives one."),
    "assignment.training.unknown": N_("Not yet: the provider knows no such job."),
    "assignment.training.status": N_(
        "Not yet: the job is {status}. Follow it until it has succeeded."
    ),
    "assignment.training.file": N_(
        "Not yet: the job was trained on another file than the one you wrote last. "
        "Submit the new one."
    ),
    "assignment.training.right": N_("Right: {model} was trained on your rows."),
    "assignment.target.rows": N_(
        "Not yet: {right} of {n} are right, but step 3 is not. Mend the rows and train "
        "again; until then the number means nothing. (Try {tries})"
    ),
    "assignment.target.below": N_(
        "Not yet: {right} of {n} are right (95 % interval {low:.0f} to {high:.0f} %); "
        "the target is {needed}. Improve on your own test rows, not here. (Try {tries})"
    ),
    "assignment.target.right": N_(
        "Right: {right} of {n} (95 % interval {low:.0f} to {high:.0f} %); the target "
        "was {needed}. (Try {tries})"
    ),
    "assignment.decision.name": N_(
        "Not yet: '{found}' is no decision. Write one of: {known}."
    ),
    "assignment.decision.early": N_(
        "Not yet: there is nothing to compare. Steps 4 and 6 measure it."
    ),
    "assignment.decision.short": N_(
        "Not yet: {found} words. Write at least {needed}: what you measured, what it "
        "costs, what you do not know."
    ),
    "assignment.decision.numbers": N_(
        "Not yet: name at least two of the numbers that you measured, as shares "
        "(0.93), in percent (93 %) or as counts."
    ),
    "assignment.decision.against": N_(
        "Not yet: your own comparison does not say that fine-tuning is better than "
        "'{rival}'. Decide otherwise, or measure on more rows."
    ),
    "assignment.decision.right": N_(
        "Right: your numbers carry your decision. A teacher reads the reasons."
    ),
    "assignment.verdict.none": N_("Nothing to compare yet: steps 4 and 6 measure it."),
    "assignment.verdict.better": N_(
        "better: compared with '{rival}', the fine-tuned model is right on "
        "{value:+.0%} of the rows (95 % interval {low:+.0%} to {high:+.0%})"
    ),
    "assignment.verdict.worse": N_(
        "worse: compared with '{rival}', the fine-tuned model is right on "
        "{value:+.0%} of the rows (95 % interval {low:+.0%} to {high:+.0%})"
    ),
    "assignment.verdict.cannot_tell": N_(
        "cannot tell: compared with '{rival}', the fine-tuned model is right on "
        "{value:+.0%} of the rows (95 % interval {low:+.0%} to {high:+.0%} contains 0)"
    ),
    "assignment.hint": N_("Hint {number} of {total}:"),
    "assignment.hint.choice_1": N_("The README lists the notebooks by number."),
    "assignment.hint.choice_2": N_(
        "Take a tutorial that you have already run; its steps are the ones below."
    ),
    "assignment.hint.choice_3": N_(
        "The number of the recipe assistant is 20; `data_sets()` shows the data."
    ),
    "assignment.hint.trap_1": N_(
        "Make three comparisons: rows with questions, rows with rows, and the prompts "
        "of both. One of them finds something."
    ),
    "assignment.hint.trap_2": N_(
        "Copies can be in disguise. Compare only words, in small letters: "
        '" ".join(re.findall(r"\\w+", text.casefold()))'
    ),
    "assignment.hint.trap_3": N_(
        "In pandas: `isin` finds leaks, `groupby` with `nunique` of the answers finds "
        "contradictions, and `unique()` on `system` shows the prompts in use."
    ),
    "assignment.hint.rows_1": N_(
        "Read the check's sentence: it names the first fault that is left, and how "
        "many rows have it."
    ),
    "assignment.hint.rows_2": N_(
        "A leak is dropped. A contradiction is decided by the guide, for all rows of "
        "that kind, not only for those that were seen twice. A prompt is rewritten."
    ),
    "assignment.hint.rows_3": N_(
        "The column `source` says where a row comes from. Is the mistake spread over "
        "all sources? For a new prompt, take the old one apart with `splitlines` and "
        "`partition`, and build the new text with an f-string."
    ),
    "assignment.hint.baseline_1": N_(
        "Use `ask_all` twice: once with the prompts `bare`, once with `shown`."
    ),
    "assignment.hint.baseline_2": N_(
        "Ask `here.base_model`, and the rows of `test`; the examples in `shown` come "
        "from `train`."
    ),
    "assignment.hint.baseline_3": N_(
        "A rule is a function from a user text to an answer; give its answers as a "
        "list of texts, in the order of `test`."
    ),
    "assignment.hint.training_1": N_(
        "The tutorial's call is `submit`, with the connection and both files."
    ),
    "assignment.hint.training_2": N_(
        "`suffix` names your model, `seed` makes the job repeatable. "
        "The rest may stay as it is."
    ),
    "assignment.hint.training_3": N_(
        "If the validation loss rises early, take fewer epochs; if it still falls at "
        "the end, take more."
    ),
    "assignment.hint.target_1": N_(
        "Ask `job.fine_tuned_model` with the prompts `bare`, first `test`, then "
        "`work.questions`."
    ),
    "assignment.hint.target_2": N_(
        "Below the target? Look at the wrong answers on `test`: is it the form, the "
        "copying, or the rule behind the labels?"
    ),
    "assignment.hint.target_3": N_(
        "More rows in `train` help, and so does an epoch more. Do not choose by the "
        "held-out score: each look at it makes it worth less."
    ),
    "assignment.hint.decision_1": N_(
        "`work.scores()` and `work.verdict()` hold the numbers."
    ),
    "assignment.hint.decision_2": N_(
        "What would you use without fine-tuning, and how much worse is it? What do "
        "training, hosting and longer prompts cost?"
    ),
    "assignment.hint.decision_3": N_(
        "Say what would change your mind: more data, another price, a larger base "
        "model, a rule."
    ),
    "report.assignment.title": N_("Assignment: fine-tune, or not?"),
    "report.assignment.learner": N_("Handed in by"),
    "report.assignment.about": N_(
        "Data set {data} ({title}), with the steps of notebook {tutorial}. {date}."
    ),
    "report.assignment.points": N_(
        "Points by the checks: {points} of {automatic}. {teacher} more are for the "
        "reasons, and for a teacher to give."
    ),
    "report.assignment.numbers": N_("Numbers"),
    "report.assignment.tries": N_(
        "Sets of answers held against the held-out questions: {n}."
    ),
    "report.assignment.decision": N_("Decision"),
    "report.assignment.programs": N_("For programs"),
    "report.assignment.unreadable": N_("{path} is no report of this assignment."),
    "report.assignment.same": N_(
        "{file}: {learner}, {data}, {points} points; {found} held-out answers are "
        "right, as claimed; {tries} tries; {choice}"
    ),
    "report.assignment.not": N_(
        "{file}: {learner}, {data}, {points} points; {found} held-out answers are "
        "right, but {claimed} are claimed; {tries} tries; {choice}"
    ),
    "monitor.none": N_("No job yet: there is nothing to watch."),
    "monitor.status": N_("status"),
    "monitor.step": N_("step"),
    "monitor.loss": N_("training loss"),
    "monitor.full": N_("validation loss (all)"),
    "monitor.model": N_("model"),
    "monitor.error": N_("error"),
    "monitor.note": N_("note"),
    "monitor.events": N_("last events"),
    "monitor.picture": N_(
        "Training loss from {first:.2f} to {last:.2f} in {steps} steps."
    ),
    "monitor.button.pause": N_("Pause"),
    "monitor.button.resume": N_("Go on"),
    "monitor.button.cancel": N_("Cancel"),
    "monitor.button.look": N_("Look now"),
    "monitor.asked.pause": N_("Asked to pause; the step under way is finished first."),
    "monitor.asked.resume": N_("Asked to go on."),
    "monitor.asked.cancel": N_("Asked to cancel."),
    "monitor.refused": N_("The provider refused: {error}"),
    "monitor.lost": N_("The provider does not answer; what stands here is old."),
    "monitor.unknown": N_("There is no button '{found}'; there are: {known}."),
    "playground.billed": N_("Each question in the playground is a call per model."),
    "playground.nothing": N_(
        "Nothing asked yet. Type a prompt, or call .ask('...') on this object."
    ),
    "playground.models": N_("A playground needs at least one model to ask."),
    "playground.failed": N_("(no answer: {error})"),
    "playground.prompt": N_("Prompt"),
    "playground.system": N_("System"),
    "playground.temperature": N_("Temperature"),
    "playground.max_tokens": N_("Max tokens"),
    "playground.ask": N_("Ask"),
    "playground.column.system": N_("system"),
    "playground.column.answer": N_("answer"),
    "playground.column.tokens": N_("tokens in / out"),
    "playground.column.seconds": N_("seconds"),
    "playground.counts": N_("{prompt} tokens in, {completion} out, {seconds:.1f} s"),
}
