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
    # Notebook 31, the limits: experiments, kept results, charts, checks.
    "experiment.no_model": N_(
        "Job {id} ended as {status}; there is no model to ask. Run the cell again."
    ),
    "experiment.questions": N_("{n} questions to {model}"),
    "experiment.no_logprobs": N_(
        "{model}: the service gives no log probabilities, so nobody can see how sure "
        "the model was."
    ),
    "experiment.no_validation": N_(
        "No step has a loss of the whole validation file (full_valid_loss). Train with "
        "a validation file, and wait for the end of the first epoch."
    ),
    "limits.missing": N_("There is no table {name!r} in {folder}; there are: {known}"),
    "kept.missing": N_(
        "benchmarks/results/{path} is not there. `{command}` computes it; run it in "
        "the repository, on a machine that has nothing else to do."
    ),
    "kept.unreadable": N_(
        "benchmarks/results/{path} cannot be read ({error}). `{command}` writes it "
        "anew."
    ),
    "kept.where": N_("{date}, {processor}, {cores} cores, {versions}"),
    "chart.rows.title": N_("F1 by the number of training rows"),
    "chart.rows.x": N_("training rows (each step is about three times as many)"),
    "chart.rows.live": N_("just now  {value:.2f}"),
    "chart.rows.empty": N_("There is no run to draw."),
    "reading.rows.one": N_("{rows} rows {mean:.2f} ({low:.2f} to {high:.2f})"),
    "reading.rows": N_("Mean F1, and lowest and highest seed: {parts}."),
    "reading.rows.rival": N_("The level line: {name}, {value:.2f}."),
    "reading.rows.live": N_("The job of just now: {rows} rows, {value:.2f}."),
    "check.epochs.right": N_(
        "Right: after {epochs} epochs the validation loss was lowest, {loss:.3f}."
    ),
    "check.epochs.type": N_("Not yet: this is a {found}, not a number of epochs."),
    "check.epochs.from_zero": N_(
        "Not yet: close. The first epoch has the number 1, not 0."
    ),
    "check.epochs.step": N_("Not yet: this is a step. Asked is the epoch it ends."),
    "check.epochs.train": N_(
        "Not yet: here the loss on the training rows is lowest. Which one counts?"
    ),
    "check.epochs.range": N_("Not yet: the job had the epochs 1 to {last}."),
    "check.epochs.wrong": N_(
        "Not yet: after {epochs} epochs it was {loss:.3f}. There is a lower one."
    ),
    "check.enough.right": N_(
        "Right: with {rows} rows even the worst seed reached {low:.2f}."
    ),
    "check.enough.type": N_("Not yet: this is a {found}, not a number of rows."),
    "check.enough.size": N_("Not yet: measured were {sizes} rows; choose one of them."),
    "check.enough.none": N_(
        "Not yet: in this table no number of rows reached {target:.2f} with every seed."
    ),
    "check.enough.fewer": N_(
        "Not yet: {rows} rows are enough. Would fewer do as well?"
    ),
    "check.enough.mean": N_(
        "Not yet: with {rows} rows the mean gets there. What of the worst seed?"
    ),
    "check.enough.below": N_("Not yet: {rows} rows are too few, even on average."),
    "check.mixed.right": N_(
        "Right: {task} examples of the task and {general} of everything else."
    ),
    "check.mixed.type": N_("Not yet: this is a {found}; give a list of examples."),
    "check.mixed.examples": N_(
        "Not yet: the list has to hold examples, each with its 'messages'. Did you put "
        "a list into the list?"
    ),
    "check.mixed.task": N_(
        "Not yet: {missing} examples of the task are missing. None has to give way."
    ),
    "check.mixed.strangers": N_(
        "Not yet: the list has examples that are in neither of the two."
    ),
    "check.mixed.twice": N_("Not yet: some example is in the list twice."),
    "check.mixed.of_task": N_(
        "Not yet: {found} are a fifth of the task's examples. But of the whole list "
        "they are {found} of {total}."
    ),
    "check.mixed.number": N_(
        "Not yet: {found} of the {total} examples are general ones. Is that a fifth?"
    ),
    "check.suspects.right": N_(
        "Right: these {n} rows copy their lines. A few lines of code would have found "
        "them before the training did."
    ),
    "check.suspects.type": N_("Not yet: this is a {found}; give row numbers."),
    "check.suspects.numbers": N_(
        "Not yet: give the numbers of the rows (the index), not True and False, nor "
        "the rows themselves."
    ),
    "check.suspects.many": N_(
        "Not yet: all of them are there, but so are {wrong} rows whose answer is no "
        "mere copy."
    ),
    "check.suspects.few": N_("Not yet: {missed} more rows copy all their lines."),
    "check.suspects.both": N_(
        "Not yet: {missed} rows are missing, and {wrong} of yours are no mere copies."
    ),
}
